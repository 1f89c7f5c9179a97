"""The headers of DICOM files: only the elements listed here are ever read, none of them says who a person is.

Source: the DICOM standard, PS3.3, modules Image Plane (C.7.6.2) and Image Pixel (C.7.6.3), and PS3.10.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from pipeline.core.errors import ItemRejected
from pipeline.volumes.scan import import_reader

if TYPE_CHECKING:
    from pydicom import Dataset

KIND = "DICOM"
PREAMBLE = 128
MAGIC = b"DICM"
DIRECTORY = "1.2.840.10008.1.3.10"  # the file DICOMDIR, an index
DEFLATED = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.8.1")  # unpacked by pydicom without a limit
MAX_HEADER = 2**24  # bytes before the pixels
FIRST_PIXELS, LAST_PIXELS = 0x7FE00008, 0x7FE00010  # elements that hold them
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
OF_PIXELS = (
    *("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "NumberOfFrames", "BitsAllocated"),
    *("BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration", "PixelPaddingValue"),
)
OF_GEOMETRY = (
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
OF_MEANING = (
    *("SOPClassUID", "SeriesInstanceUID", "ImageType", "Modality", "RescaleSlope", "RescaleIntercept", "RescaleType"),
    *("Manufacturer", "ManufacturerModelName", "ScanningSequence", "KVP", "MagneticFieldStrength", "EchoTime"),
    *("RepetitionTime", "ProtocolName", "SeriesDescription"),  # the last two are reduced to a number of 16 bits
)
TAGS = (*OF_PIXELS, *OF_GEOMETRY, *OF_MEANING)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class SliceHeader:
    """One slice, or one frame of a file with several.

    Attributes:
        position: (3,) mm to the left, back and head (LPS) of the first pixel's centre; here and below None where the
            file does not say.
        orientation: (6,) direction of a row and of a column (LPS).
        pixel_spacing: Distance of rows and of columns in mm.
        thickness: In mm.
        shape: Rows and columns.
        scale: Slope and intercept.
        has_scale: Whether the file gives them.
        series: Which series it belongs to.
        kind: What must be alike in a series: colour, type of numbers.
    """

    position: np.ndarray | None
    orientation: np.ndarray | None
    pixel_spacing: tuple[float, float] | None
    thickness: float | None
    shape: tuple[int, int]
    scale: tuple[float, float]
    has_scale: bool
    series: str
    kind: tuple[str, ...]


def is_dicom(data: bytes) -> bool:
    return data[PREAMBLE : PREAMBLE + 4] == MAGIC


def parse(data: bytes, tags: tuple[str, ...], with_pixels: bool = False) -> Dataset:
    """The listed elements of a file; of others not even the value is read, and nothing behind the pixels.

    Raises:
        ItemRejected: It is no DICOM file, an index of others, packed as a whole, or its header is too large.
    """
    import_reader("pydicom", KIND)
    from pydicom.datadict import tag_for_keyword
    from pydicom.filereader import read_partial

    if not is_dicom(data):
        raise ItemRejected("truncated", "no DICOM file: the letters DICM are not at byte 128")
    if read_transfer_syntax(data) in DEFLATED:
        raise ItemRejected("unsupported", "a DICOM file that is packed as a whole (deflated); write it unpacked")
    names = ("SpecificCharacterSet", *tags, *(PIXELS if with_pixels else ()))
    wanted = [tag for name in names if (tag := tag_for_keyword(name)) is not None]
    ended = False

    def is_end(tag: int, vr: str | None, length: int) -> bool:
        nonlocal ended
        ended = tag > LAST_PIXELS if with_pixels else tag >= FIRST_PIXELS
        return ended

    part = data if with_pixels else data[:MAX_HEADER]
    found: Dataset = read_partial(io.BytesIO(part), stop_when=is_end, specific_tags=wanted)
    if str(found.file_meta.get("MediaStorageSOPClassUID", "")) == DIRECTORY:
        raise ItemRejected("unsupported", "a DICOMDIR, which is an index of other files")
    if len(part) < len(data) and not ended:
        raise ItemRejected("too_large", f"a header of more than {MAX_HEADER:,} bytes")
    return found


def read_transfer_syntax(data: bytes) -> str:
    """How the rest of the file is coded, read before it."""
    from pydicom.filereader import read_dataset

    stream = io.BytesIO(data)
    stream.seek(PREAMBLE + len(MAGIC))
    meta = read_dataset(
        stream, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, vr, length: tag.group != 2
    )
    return str(meta.get("TransferSyntaxUID", ""))


def read_slices(found: Dataset) -> list[SliceHeader]:
    """The slice of a file, or each frame of a file with several.

    Raises:
        ItemRejected: It has no size, or its frames have no place of their own.
    """
    count = int(found.get("NumberOfFrames") or 1)
    shared = _first(found.get("SharedFunctionalGroupsSequence"))
    frames = found.get("PerFrameFunctionalGroupsSequence")
    if count == 1 and not frames:
        return [_slice(found, [found])]
    if not frames:
        raise ItemRejected(
            "unsupported", f"{count} frames in one file without a place for each; a film, or a scan of an older kind"
        )
    if len(frames) != count:
        raise ItemRejected("truncated", f"{count} frames and places for {len(frames)}")
    return [_slice(found, [*_groups(frame), *_groups(shared), found]) for frame in frames]


def _groups(item: Any) -> list[Any]:
    """The groups of a frame, each of which holds some of its elements."""
    if item is None:
        return []
    return [group for element in item if element.VR == "SQ" and (group := _first(element.value)) is not None]


def _first(sequence: Any) -> Any:
    return sequence[0] if sequence else None


def _slice(found: Dataset, places: list[Any]) -> SliceHeader:
    rows, columns = _number(found, "Rows"), _number(found, "Columns")
    if not (1 <= rows <= 65_535 and 1 <= columns <= 65_535):
        raise ItemRejected("unsupported", "a DICOM file without a picture (a report, a plan, a structure)")
    spacing = _floats(places, "PixelSpacing", 2)
    slope, intercept = _floats(places, "RescaleSlope", 1), _floats(places, "RescaleIntercept", 1)
    thickness = _floats(places, "SliceThickness", 1)
    return SliceHeader(
        position=_floats(places, "ImagePositionPatient", 3),
        orientation=_floats(places, "ImageOrientationPatient", 6),
        pixel_spacing=None if spacing is None else (float(spacing[0]), float(spacing[1])),
        thickness=None if thickness is None else float(thickness[0]),
        shape=(int(rows), int(columns)),
        scale=(1.0 if slope is None else float(slope[0]), 0.0 if intercept is None else float(intercept[0])),
        has_scale=intercept is not None,
        series=str(found.get("SeriesInstanceUID", "")),
        kind=tuple(str(found.get(name)) for name in ("PhotometricInterpretation", "SamplesPerPixel", "BitsAllocated")),
    )


def _number(found: Dataset, name: str) -> float:
    value = found.get(name)
    return float(value) if isinstance(value, int | float) else math.nan


def _floats(places: list[Any], name: str, length: int) -> np.ndarray | None:
    """The numbers of the first place that has the element; None where none has, or it has other than `length`."""
    value = next((place.get(name) for place in places if place.get(name) is not None), None)
    if value is None or value == "":
        return None
    numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
    return numbers if numbers.shape == (length,) and np.isfinite(numbers).all() else None
