"""A DICOM series: the files of a folder or of a zip, or one file with many frames."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core.errors import ItemRejected
from pipeline.core.safe_files import MAX_FILE_BYTES, MAX_FOLDER_FILES
from pipeline.core.sample_codec import FileSet
from pipeline.volumes.dicom_attributes import as_list, describe
from pipeline.volumes.dicom_headers import KIND, TAGS, SliceHeader, is_dicom, parse, read_slices
from pipeline.volumes.dicom_pixels import check_pixels, read_pixels
from pipeline.volumes.dicom_series import REASON, arrange
from pipeline.volumes.orientation import stored_shape, to_stored_axes
from pipeline.volumes.scan import MAX_SLICES, Bounds, Scan, apply_scale, checked_spacing, reading

if TYPE_CHECKING:
    from pydicom import Dataset

SUFFIXES = (".dcm", ".dicom", ".ima")
INDEX = "dicomdir"
ZIP = b"PK\x03\x04"
HOUNSFIELD = ("", "HU", "US")  # of RescaleType; unspecified is in use for CT


def is_zip(data: bytes) -> bool:
    return data.startswith(ZIP)


def read_dicom(data: bytes | FileSet, bounds: Bounds) -> Scan:
    """A volume in the stored orientation.

    Args:
        data: One file with many frames, the files of a folder, or a zip of those.
        bounds: What is accepted, checked by the headers before pixels are decoded.

    Raises:
        ItemRejected: A file is damaged or too large, or the slices do not make one volume.
    """
    with reading(KIND):
        files = list_files(data)
        headers, slices = _read_headers(files)
        geometry = arrange(slices)
        _check(slices, geometry.affine, bounds)
        for header in headers:
            check_pixels(header)
        raw = _stack(files, slices)
        pieces = [apply_scale(raw[index], *slices[index].scale) for index in geometry.order]
        voxels, spacing = to_stored_axes(np.stack(pieces), geometry.affine)
        first = headers[0]
        return Scan(
            voxels=voxels,
            format=KIND,
            spacing=checked_spacing(spacing),
            through_plane=geometry.through_plane,
            slice_thickness=slices[0].thickness,
            is_calibrated=_is_hounsfield(first, slices),
            is_inverted=str(first.get("PhotometricInterpretation")) == "MONOCHROME1",
            attributes=describe(first),
        )


def read_dicom_shape(data: bytes | FileSet, bounds: Bounds) -> tuple[int, ...]:
    """(slices, rows, columns) by the headers alone; raises as `read_dicom`."""
    with reading(KIND):
        _, slices = _read_headers(list_files(data))
        return _check(slices, arrange(slices).affine, bounds)


def list_files(data: bytes | FileSet) -> list[bytes]:
    """The DICOM files of a sample; an index, pictures and texts among them are passed over.

    Raises:
        ItemRejected: There is none, or one that is named like a DICOM file is none.
    """
    named = _unzip(data) if isinstance(data, bytes) and is_zip(data) else data
    if isinstance(named, bytes):
        return [named]
    found = []
    for name, content in named.files:
        plain = name.rpartition("/")[2].lower()
        if plain == INDEX:
            continue
        if is_dicom(content):
            found.append(content)
        elif plain.endswith(SUFFIXES):
            raise ItemRejected(
                "truncated", f"{len(content):,} bytes in a file that is named like DICOM and is none; copy it again"
            )
    if not found:
        raise ItemRejected("not_a_volume", f"{len(named.files)} files, none of them DICOM")
    return found


def _unzip(data: bytes) -> FileSet:
    """The files of a zip in memory, unpacked up to the limits of a folder."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            announced = sum(entry.file_size for entry in entries)
            if len(entries) > MAX_FOLDER_FILES or announced > MAX_FILE_BYTES:
                raise ItemRejected("too_large", f"a zip of {len(entries):,} files and {announced:,} bytes")
            files = []
            for entry in sorted(entries, key=lambda one: one.filename):
                with archive.open(entry) as stream:
                    content = stream.read(entry.file_size + 1)
                if len(content) > entry.file_size:
                    raise ItemRejected("too_large", "a file of the zip is larger than announced")
                if not entry.filename.rpartition("/")[2].startswith("."):
                    files.append((entry.filename, content))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, OSError) as error:
        raise ItemRejected("truncated", f"a damaged or encrypted zip ({type(error).__name__})") from None
    return FileSet(files=tuple(files))


def _read_headers(files: Sequence[bytes]) -> tuple[list[Dataset], list[SliceHeader]]:
    """The header of each file, and of each slice in them, within the limits."""
    if len(files) > MAX_SLICES:
        raise ItemRejected("too_large", f"{len(files):,} files, at most {MAX_SLICES:,} slices allowed")
    headers = [parse(content, TAGS) for content in files]
    for header in headers:
        if "LOCALIZER" in [str(part).upper() for part in as_list(header.get("ImageType"))]:
            raise ItemRejected(REASON, "a localizer, which is an overview and no slice")
    announced = sum(max(1, int(header.get("NumberOfFrames") or 1)) for header in headers)
    if announced > MAX_SLICES:
        raise ItemRejected("too_large", f"{announced:,} slices, at most {MAX_SLICES:,} allowed")
    if len(headers) > 1 and announced > len(headers):
        raise ItemRejected(REASON, f"{len(headers)} files with {announced} frames; give each file its own folder")
    return headers, [entry for header in headers for entry in read_slices(header)]


def _check(slices: Sequence[SliceHeader], affine: np.ndarray, bounds: Bounds) -> tuple[int, ...]:
    """The shape in the stored orientation, where it is within the limits."""
    shape = (len(slices), *slices[0].shape)
    bounds.check(shape)
    stored = stored_shape(shape, affine)
    bounds.check_slices(stored)
    return stored


def _stack(files: Sequence[bytes], slices: Sequence[SliceHeader]) -> list[np.ndarray]:
    """The numbers of each slice as stored, in the order of files and frames."""
    count = len(slices) if len(files) == 1 else 1
    return [plane for content in files for plane in read_pixels(content, count)]


def _is_hounsfield(header: Dataset, slices: Sequence[SliceHeader]) -> bool:
    """Whether the numbers are Hounsfield units: CT with a scale."""
    has_scale = all(entry.has_scale for entry in slices)
    return str(header.get("Modality")) == "CT" and has_scale and str(header.get("RescaleType") or "") in HOUNSFIELD
