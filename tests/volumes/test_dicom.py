"""A DICOM series becomes one volume, or is refused with what is wrong with it."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import compress
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, JPEGLSLossless, RLELossless
from volume_examples import LIMITS, PRIVATE, dicom_slice, places, series, voxels, written

from pipeline.core.errors import ItemRejected
from pipeline.core.sample_codec import FileSet
from pipeline.images.decoding import REJECTION_REASONS
from pipeline.volumes import dicom_headers
from pipeline.volumes.formats import read_scan, read_shape
from pipeline.volumes.scan import Bounds


def refusal(data: Any, limits: Bounds = LIMITS) -> str:
    with pytest.raises(ItemRejected) as caught:
        read_scan(data, limits)
    assert caught.value.reason in REJECTION_REASONS
    return str(caught.value)


def changed(data: bytes, **elements: Any) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(data))
    for name, value in elements.items():
        setattr(dataset, name, value)
    return written(dataset)


def replace_one(files: FileSet, **elements: Any) -> FileSet:
    """The same with other elements in the slice that comes second by name."""
    names = list(files.files)
    names[1] = (names[1][0], changed(names[1][1], **elements))
    return FileSet(files=tuple(names))


def test_slices_are_sorted_by_their_place_and_not_by_name_or_number() -> None:
    array = voxels()
    files = series(array)
    scan = read_scan(files, LIMITS)
    np.testing.assert_array_equal(scan.voxels, array)  # (head up, front first, the patient's right first)
    assert scan.spacing == (2.0, 0.5, 0.75)
    assert (scan.through_plane, scan.slice_thickness) == (2.0, 2.5)
    by_name = np.stack([pydicom.dcmread(io.BytesIO(data)).pixel_array for _, data in sorted(files.files)])
    assert not np.array_equal(by_name, array)  # which would be the wrong order
    assert read_shape(files, LIMITS) == array.shape


def test_a_series_that_is_turned_has_its_slices_along_the_normal() -> None:
    """Sagittal slices: their places differ in x alone, and InstanceNumber falls."""
    array = voxels()
    at = [(3.0 * number, 0, 0) for number in range(len(array))]
    files = series(array, at, ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    found = read_scan(files, LIMITS)
    order = np.argsort([place @ np.cross([0, 1, 0], [0, 0, -1]) for place in np.array(at)])
    expected = array[order]  # along -x
    assert order.tolist() == [3, 2, 1, 0]
    np.testing.assert_array_equal(found.voxels, expected.transpose(1, 2, 0)[::-1, :, ::-1])


def test_scale_of_each_slice_and_hounsfield_units() -> None:
    array = voxels(dtype=np.uint16)
    files = series(array, RescaleSlope=2, RescaleIntercept=-1024)
    scan = read_scan(files, LIMITS)
    np.testing.assert_array_equal(scan.voxels, array.astype(np.float32) * 2 - 1024)
    assert scan.is_calibrated
    assert not read_scan(series(array), LIMITS).is_calibrated
    assert not read_scan(series(array, RescaleSlope=2, RescaleIntercept=0, Modality="MR"), LIMITS).is_calibrated
    assert not read_scan(series(array, RescaleSlope=2, RescaleIntercept=0, RescaleType="OD"), LIMITS).is_calibrated
    other = replace_one(files, RescaleSlope=4)  # as in PET, where each slice has its own
    expected = array.astype(np.float32) * 2 - 1024
    second = np.random.default_rng(7).permutation(4)[1]  # `series` puts this plane into the second file
    expected[second] = array[second] * np.float32(4) - 1024
    np.testing.assert_array_equal(read_scan(other, LIMITS).voxels, expected)


def test_signs_unused_bits_padding_and_inversion() -> None:
    array = np.array([[[-5, 7], [2047, -2048]]] * 2, np.int16)
    signed = (array & 0x0FFF) | np.int16(0x3000)  # 12 bits, and an overlay in the upper ones
    found = read_scan(series(signed, BitsStored=12, HighBit=11), LIMITS)
    np.testing.assert_array_equal(found.voxels, array)
    unsigned = read_scan(series(signed.view(np.uint16), BitsStored=12, HighBit=11), LIMITS)
    np.testing.assert_array_equal(unsigned.voxels, array & 0x0FFF)
    assert read_scan(series(array, PhotometricInterpretation="MONOCHROME1"), LIMITS).is_inverted
    assert not found.is_inverted
    padded = read_scan(series(array, PixelPaddingValue=-2048), LIMITS).voxels
    assert np.isnan(padded).tolist() == [[[False, False], [False, True]]] * 2
    assert "16 that do not end at the lowest" in refusal(series(array, BitsStored=12, HighBit=13))


def test_a_big_endian_and_a_packed_series() -> None:
    array = voxels(dtype=np.uint16)
    big = FileSet(
        files=tuple(
            (f"{number}", dicom_slice(plane.astype(">u2"), place, "1", TransferSyntaxUID=ExplicitVRBigEndian))
            for number, (plane, place) in enumerate(zip(array, places(4), strict=True))
        )
    )
    np.testing.assert_array_equal(read_scan(big, LIMITS).voxels, array)
    packed = []
    for name, data in series(array).files:
        dataset = pydicom.dcmread(io.BytesIO(data))
        compress(dataset, RLELossless)
        packed.append((name, written(dataset)))
    np.testing.assert_array_equal(read_scan(FileSet(files=tuple(packed)), LIMITS).voxels, array)


def test_a_series_of_jpeg_2000() -> None:
    """Of a slice in pydicom's package and a copy of it one step higher."""
    folder = Path(pydicom.__file__).parent / "data/test_files"
    packed = pydicom.dcmread(folder / "MR_small_jp2klossless.dcm")
    plain = pydicom.dcmread(folder / "MR_small.dcm").pixel_array
    files = []
    for number in range(2):
        packed.ImageOrientationPatient, packed.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 2 * number]
        files.append((f"{number}.dcm", written(packed)))
    np.testing.assert_array_equal(read_scan(FileSet(files=tuple(files)), LIMITS).voxels, [plain, plain])
    small = FileSet(files=tuple((name, changed(data, Rows=32)) for name, data in files))
    assert refusal(small) == "truncated: a slice of (64, 64) pixels where the header says otherwise"


def multi_frame(array: np.ndarray, order: Any = None) -> Dataset:
    """One file with a place for each frame, in a mixed order."""
    order = np.random.default_rng(3).permutation(len(array)) if order is None else order
    dataset = pydicom.dcmread(io.BytesIO(dicom_slice(array[order], (0, 0, 0), "1.2")))
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        delattr(dataset, name)
    dataset.NumberOfFrames = len(array)
    shared, measures, plane = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.5, 0.75], 2.5
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [plane]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for number in order:
        frame, place, scale = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [0, 0, 3.0 * number]
        scale.RescaleSlope, scale.RescaleIntercept = 1, -1000
        frame.PlanePositionSequence, frame.PixelValueTransformationSequence = [place], [scale]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    return dataset


def test_one_file_with_a_place_for_each_frame() -> None:
    array = voxels()
    dataset = multi_frame(array)
    scan = read_scan(written(dataset), LIMITS)
    np.testing.assert_array_equal(scan.voxels, array - 1000.0)
    assert scan.spacing == (3.0, 0.5, 0.75)
    assert scan.is_calibrated
    dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[:2]
    assert refusal(written(dataset)) == "truncated: 4 frames and places for 2"
    del dataset.PerFrameFunctionalGroupsSequence
    assert refusal(written(dataset)).startswith("unsupported: 4 frames in one file without a place for each; a film")


def test_a_zip_of_a_series_and_what_lies_around_it() -> None:
    array = voxels()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("scan/readme.txt", "text")
        archive.writestr("scan/DICOMDIR", "index")
        for name, data in series(array).files:
            archive.writestr(f"scan/{name.removesuffix('.dcm')}", data)
    np.testing.assert_array_equal(read_scan(buffer.getvalue(), LIMITS).voxels, array)
    assert refusal(buffer.getvalue()[:-30]).startswith("truncated: a damaged or encrypted zip")
    assert refusal(FileSet(files=(("a.txt", b"text"),))) == "not_a_volume: 1 files, none of them DICOM"


def test_a_zip_that_unpacks_to_more_than_a_folder_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", bytes(2_000_000))
    monkeypatch.setattr("pipeline.volumes.dicom.MAX_FILE_BYTES", 1_000_000)
    assert refusal(buffer.getvalue()) == "too_large: a zip of 1 files and 2,000,000 bytes"


ARRAY = voxels()
UP = list(places(4))
REFUSED = {  # what is refused, and the beginning of the reason
    "unequal": (
        series(ARRAY, [(0, 0, 0), (0, 0, 2), (0, 0, 4), (0, 0, 7)]),
        "bad_series: 1 unequal spacings: the usual",
    ),
    "missing": (
        series(ARRAY, [(0, 0, 0), (0, 0, 2), (0, 0, 8), (0, 0, 10)]),
        "bad_series: slices are missing: 2 within a spacing of 2 mm, 6 mm after slice 2 of 4",
    ),
    "duplicated": (series(ARRAY, [UP[0], UP[1], UP[1], UP[2]]), "bad_series: 1 of 4 slices lie where another one lies"),
    "phases": (series(ARRAY, [UP[0], UP[1]] * 2), "bad_series: 2 of 4 slices lie where another one lies"),
    "turned": (
        replace_one(series(ARRAY), ImageOrientationPatient=[0, 1, 0, 0, 0, -1]),
        "bad_series: the slices are turned differently",
    ),
    "skewed": (series(ARRAY, ImageOrientationPatient=[1, 0, 0, 0.6, 0.8, 0]), "bad_series: the orientation is none"),
    "sizes": (
        FileSet(files=(*series(ARRAY[:3]).files, ("z", dicom_slice(ARRAY[3][:3], UP[3], "1.2.3")))),
        "bad_series: 2 sizes in one series, of [1, 3] slices",
    ),
    "distances": (replace_one(series(ARRAY), PixelSpacing=[1, 1]), "bad_series: 2 distances of pixels in one series"),
    "no distance": (series(ARRAY, PixelSpacing=None), "bad_series: the distance of pixels is missing"),
    "localizer": (
        replace_one(series(ARRAY), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
        "bad_series: a localizer",
    ),
    "tilt": (
        series(ARRAY, [(0, 0.5 * number, 2.0 * number) for number in range(4)]),
        "bad_series: a gantry tilt of 14.0 degrees",
    ),
    "wavy": (
        series(ARRAY, [(0, 9 * (number in (1, 2)), 2.0 * number) for number in range(4)]),
        "bad_series: the slices do not lie on one line",
    ),
    "two series": (
        replace_one(series(ARRAY, SeriesDescription="x"), SeriesInstanceUID="9.9"),
        "bad_series: 2 series in one folder, of ",
    ),
    "no place": (series(ARRAY, ImagePositionPatient=None), "bad_series: 4 of 4 slices have no place in the patient"),
    "one slice": (series(ARRAY[:1]), "bad_series: one slice alone, which is a picture (media=image)"),
    "no pixels": (series(ARRAY, PixelData=None), "unsupported: a DICOM file without pixels"),
    "report": (series(ARRAY, Rows=None, Columns=None), "unsupported: a DICOM file without a picture"),
    "colour": (
        series(ARRAY, PhotometricInterpretation="PALETTE COLOR"),
        "unsupported: pixels in colour (PALETTE COLOR)",
    ),
    "rgb": (series(ARRAY, PhotometricInterpretation="RGB"), "unsupported: pixels in colour (RGB); volumes of greys"),
    "short": (series(ARRAY, PixelData=b"12"), "truncated: a damaged DICOM file (ValueError)"),
    "scale": (series(ARRAY, RescaleSlope=0, RescaleIntercept=1), "truncated: a scale of 0.0 and 1.0, which is none"),
    "no dicom": (FileSet(files=(("1.dcm", b"text"),)), "truncated: 4 bytes in a file that is named like DICOM"),
    "films": (
        FileSet(files=tuple((name, changed(data, NumberOfFrames=3)) for name, data in series(ARRAY).files)),
        "bad_series: 4 files with 12 frames; give each file its own folder",
    ),
    "frames": (dicom_slice(ARRAY[0], UP[0], "1", NumberOfFrames=99_999), "too_large: 99,999 slices"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_volume_is_refused_with_its_reason(name: str) -> None:
    data, expected = REFUSED[name]
    assert refusal(data).startswith(expected)


def test_pixels_without_a_decoder_and_a_file_that_is_packed_as_a_whole() -> None:
    """pydicom itself unpacks a deflated file without a limit."""
    data = series(ARRAY).files[0][1]
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    assert refusal(written(dataset)).startswith("unsupported: a DICOM file that is packed as a whole (deflated)")
    files = []
    for name, content in series(ARRAY).files:
        dataset = pydicom.dcmread(io.BytesIO(content))
        compress(dataset, RLELossless)
        dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
        files.append((name, written(dataset)))
    found = refusal(FileSet(files=tuple(files)))
    assert found.startswith("unsupported: pixels compressed as JPEG-LS Lossless Image Compression, for which")


def test_sizes_are_checked_by_the_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.volumes.dicom.read_pixels", None)  # so that no pixel is decoded
    assert refusal(series(ARRAY), Bounds(max_voxels=119, max_pixels=99)).startswith("too_large: 4 x 6 x 5 voxels")
    assert refusal(series(ARRAY), Bounds(max_voxels=999, max_pixels=29)).startswith("too_large: slices of 6 x 5")
    monkeypatch.setattr(dicom_headers, "MAX_HEADER", 600)
    long = [("1.dcm", dicom_slice(ARRAY[0], UP[0], "1", ImageComments="x" * 9_000))]
    assert refusal(FileSet(files=tuple(long))) == "too_large: a header of more than 600 bytes"


def test_a_packed_slice_that_holds_more_than_it_says() -> None:
    dataset = pydicom.dcmread(io.BytesIO(dicom_slice(ARRAY[0], UP[0], "1.2.3")))
    compress(dataset, RLELossless)
    dataset.PixelData = pydicom.encaps.encapsulate([bytes(50_000)])
    files = (("0", written(dataset)), ("1", dicom_slice(ARRAY[1], UP[1], "1.2.3")))
    assert refusal(FileSet(files=files)) == "too_large: 50,000 packed bytes of a slice of 60"


@pytest.mark.parametrize("cut", [140, 300, 700, -20])
def test_a_slice_that_ends_early(cut: int) -> None:
    files = list(series(ARRAY).files)
    files[2] = (files[2][0], files[2][1][:cut])
    assert refusal(FileSet(files=tuple(files))).split(":")[0] in ("truncated", "unsupported", "bad_series")


def test_damaged_bytes_never_leave_as_another_error() -> None:
    generator = np.random.default_rng(1)
    files = list(series(ARRAY[:2]).files)
    outcomes = set()
    for _ in range(60):
        data = bytearray(files[0][1])
        for place in generator.integers(132, len(data), 3):
            data[place] = generator.integers(256)
        try:
            read_scan(FileSet(files=((files[0][0], bytes(data)), files[1])), LIMITS)
            outcomes.add("read")
        except ItemRejected as error:
            outcomes.add(error.reason)
    assert {"read", "bad_series"} <= outcomes <= {"read", *REJECTION_REASONS}


def test_attributes_are_terms_and_digits_alone() -> None:
    files = series(ARRAY, ScanningSequence=["GR", "SE"], KVP=120, EchoTime=2.5, **PRIVATE)
    found = read_scan(files, LIMITS).attributes
    assert found == {
        "modality": "CT",
        "manufacturer": "siemens",
        "model": found["model"],
        "sequence": "GR_SE",
        "protocol": found["protocol"],
        "kvp": 120.0,
        "field_strength": None,
        "echo_time": 2.5,
        "repetition_time": None,
    }
    assert all(len(str(found[name])) == 4 and int(str(found[name]), 16) >= 0 for name in ("model", "protocol"))
    other = read_scan(series(ARRAY, Manufacturer="Dr. Grimaldi", Modality="OTTAVIO"), LIMITS).attributes
    assert (other["manufacturer"], other["modality"], other["protocol"]) == ("other", "other", None)


def test_pydicoms_own_files_are_read_or_refused() -> None:
    """Those that are in the package; most are single pictures, films, plans and reports."""
    folder = Path(pydicom.__file__).parent / "data/test_files"
    paths = sorted(folder.rglob("*"))
    outcomes: dict[str, int] = {}
    for path in paths:
        if path.is_file():
            reason = refusal(path.read_bytes()).split(":")[0]
            outcomes[reason] = outcomes.get(reason, 0) + 1
    assert sum(outcomes.values()) > 100
    assert set(outcomes) <= {"bad_series", "unsupported", "not_a_volume", "truncated", "empty"}
    series_of_five = folder / "dicomdirtests/98892001/CT5N"
    files = FileSet(files=tuple((path.name, path.read_bytes()) for path in sorted(series_of_five.iterdir())))
    assert read_scan(files, LIMITS).voxels.shape == (5, 16, 16)
