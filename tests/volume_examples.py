"""Volumes in each format, written for a test."""

import io
from collections.abc import Iterator
from typing import Any

import nibabel
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from pipeline.core.sample_codec import FileSet
from pipeline.volumes.scan import Bounds

LIMITS = Bounds(max_voxels=100_000, max_pixels=10_000)
AXIAL = (1, 0, 0, 0, 1, 0)
PRIVATE = {  # what a test looks for in everything that is written
    "PatientName": "Grimaldi^Ottavio",
    "PatientBirthDate": "19630717",
    "PatientAddress": "Strada Larghissima",
    "AccessionNumber": "ACC-881177",
    "StudyDescription": "Dolore addominale",
    "SeriesDescription": "Portale Ottavio",
    "ImageComments": "Sospetto carcinoma",
    "ReferringPhysicianName": "Bianchi^Elena",
    "InstitutionName": "Ospedale Maggiore",
    "StationName": "SALA-TAC-QUATTRO",
    "ManufacturerModelName": "Somatom Definition Grimaldi",
    "ProtocolName": "Addome Ottavio",
    "StudyID": "STU-55-66",
    "PatientID": "ID-4711-4712",
}


def voxels(shape: tuple[int, ...] = (4, 6, 5), seed: int = 0, dtype: Any = np.int16) -> np.ndarray:
    """Random numbers with one brightest corner: the head, the front and the patient's right."""
    made = np.random.default_rng(seed).integers(0, 1000, shape).astype(dtype)
    made[-1, 0, 0] = 2000
    return made


def nifti(array: np.ndarray, affine: np.ndarray, slope: float | None = None, inter: float = 0) -> bytes:
    """A file with the array as it is along i, j and k."""
    image = nibabel.Nifti1Image(array, affine)
    if slope is not None:
        image.header.set_slope_inter(slope, inter)
    data = bytearray(image.to_bytes())
    if slope is None:
        data[112:120] = np.array([np.nan, np.nan], "<f4").tobytes()  # as files without a scale have it
    return bytes(data)


def canonical(stored: np.ndarray) -> np.ndarray:
    """The RAS array (to the right, front, head) of one in the stored orientation (head, back, left)."""
    return stored.transpose(2, 1, 0)[::-1, ::-1]


def dicom_slice(pixels: np.ndarray, position: Any, uid: str, **elements: Any) -> bytes:
    """One file of a series."""
    slice_ = Dataset()
    slice_.file_meta = FileMetaDataset()
    slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    slice_.file_meta.MediaStorageSOPClassUID = slice_.SOPClassUID = CTImageStorage
    slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID = generate_uid(
        entropy_srcs=[uid, str(position)]
    )
    slice_.SeriesInstanceUID = uid
    slice_.Modality, slice_.Manufacturer = "CT", "SIEMENS"
    slice_.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    slice_.ImagePositionPatient, slice_.ImageOrientationPatient = [float(one) for one in position], list(AXIAL)
    slice_.PixelSpacing, slice_.SliceThickness = [0.5, 0.75], 2.5
    slice_.Rows, slice_.Columns = pixels.shape[-2:]
    slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
    slice_.BitsAllocated = slice_.BitsStored = 8 * pixels.dtype.itemsize
    slice_.HighBit = slice_.BitsStored - 1
    slice_.PixelRepresentation = int(pixels.dtype.kind == "i")
    slice_.PixelData = pixels.tobytes()
    for name, value in elements.items():
        if value is None:
            delattr(slice_, name)
        elif name == "TransferSyntaxUID":
            slice_.file_meta.TransferSyntaxUID = value
        else:
            setattr(slice_, name, value)
    return written(slice_)


def written(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def places(count: int, step: float = 2.0) -> Iterator[tuple[float, float, float]]:
    """Of slices above one another."""
    yield from ((-10.0, -20.0, step * number) for number in range(count))


def series(array: np.ndarray, at: Any = None, uid: str = "1.2.3", **elements: Any) -> FileSet:
    """A folder with a slice for each plane of the array; names and InstanceNumber are in another order."""
    at = list(places(len(array)) if at is None else at)
    order = np.random.default_rng(7).permutation(len(array))
    files = [
        (f"{name}.dcm", dicom_slice(array[place], at[place], uid, **{"InstanceNumber": name + 1, **elements}))
        for name, place in enumerate(order)
    ]
    return FileSet(files=tuple(files))
