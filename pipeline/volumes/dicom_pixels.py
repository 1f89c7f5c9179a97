"""The numbers of DICOM slices, in bounded memory."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from pipeline.core.errors import ItemRejected
from pipeline.volumes.dicom_headers import OF_PIXELS, PIXELS, parse

if TYPE_CHECKING:
    from pydicom import Dataset

NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
RLE = "1.2.840.10008.1.2.5"
JPEG = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 90, 91))  # those that Pillow reads
MAX_PACKED_PIXELS = 2**24  # of a slice that must be unpacked
MAX_GROWTH = 2  # of what is packed, against the pixels: run lengths may hold 64 times as much
COLOURS = ("PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420")
GREYS = ("MONOCHROME1", "MONOCHROME2")


def check_pixels(found: Dataset) -> None:
    """Refuses, by the header, pixels that are not read.

    Raises:
        ItemRejected: They are in colour, or compressed in a way for which there is no decoder.
    """
    from pydicom.uid import UID

    colours = str(found.get("PhotometricInterpretation", ""))
    if colours not in GREYS or found.get("SamplesPerPixel", 1) != 1:
        shown = colours if colours in COLOURS else "another kind"  # what else stands there may be anybody's text
        raise ItemRejected("unsupported", f"pixels in colour ({shown}); volumes of greys are read")
    syntax = UID(str(found.file_meta.get("TransferSyntaxUID", "")))
    if syntax not in (*NATIVE, RLE, *JPEG) or not _has_decoder(syntax):
        name = syntax.name if not syntax.is_private and syntax.name != syntax else "unknown"
        raise ItemRejected("unsupported", f"pixels compressed as {name}, for which there is no decoder here")
    if syntax not in NATIVE and found.Rows * found.Columns > MAX_PACKED_PIXELS:
        raise ItemRejected("too_large", f"compressed slices of {found.Rows} x {found.Columns} pixels")


def _has_decoder(syntax: Any) -> bool:
    from pydicom.pixels.decoders.base import get_decoder

    return bool(syntax in NATIVE or get_decoder(syntax).is_available)


def read_pixels(data: bytes, count: int) -> np.ndarray:
    """(frames, rows, columns) numbers as stored, before any scale; NaN (then real numbers) where nothing was measured.

    Args:
        data: The file, whose header `check_pixels` accepted.
        count: Of frames.

    Raises:
        ItemRejected: There are no pixels, or they are damaged.
    """
    found = parse(data, OF_PIXELS, with_pixels=True)
    if not any(name in found for name in PIXELS):
        raise ItemRejected("unsupported", "a DICOM file without pixels")
    if str(found.file_meta.TransferSyntaxUID) not in NATIVE:
        _check_packed(found, count)
    array = np.asarray(found.pixel_array)
    if array.shape != (frames := (count, found.Rows, found.Columns)) and array.shape != frames[1:]:
        raise ItemRejected("truncated", f"pixels of the shape {array.shape}, expected {frames}")
    array = array.reshape(frames)
    if array.dtype.kind in "iu":
        array = _used_bits(array, int(found.BitsAllocated), int(found.get("BitsStored") or 0), found.get("HighBit"))
    padding = found.get("PixelPaddingValue")
    if isinstance(padding, int | float) and (blank := array == _wrap(padding, array.dtype)).any():
        array = array.astype(np.float32)
        array[blank] = np.nan
    return array


def _wrap(value: float, dtype: np.dtype[Any]) -> Any:
    """The value as the type of the pixels holds it: writers give signed values to unsigned pixels and the reverse."""
    return np.array(value).astype(np.int64).astype(dtype) if dtype.kind in "iu" else value


def _check_packed(found: Dataset, count: int) -> None:
    """Refuses frames whose packed data hold more than the header announces."""
    from pydicom.encaps import generate_frames

    raw = found.Rows * found.Columns * found.BitsAllocated // 8
    for frame in generate_frames(found.PixelData, number_of_frames=count):
        if len(frame) > MAX_GROWTH * raw + 4096:
            raise ItemRejected("too_large", f"{len(frame):,} packed bytes of a slice of {raw:,}")
        if str(found.file_meta.TransferSyntaxUID) in JPEG:
            with Image.open(io.BytesIO(frame), formats=("JPEG", "JPEG2000")) as image:
                if image.size != (found.Columns, found.Rows):
                    raise ItemRejected("truncated", f"a slice of {image.size} pixels where the header says otherwise")


def _used_bits(array: np.ndarray, allocated: int, stored: int, high: Any) -> np.ndarray:
    """The numbers without bits that are not theirs (old overlays), and with the sign of those that are."""
    unused = allocated - stored
    if unused == 0 or not 0 < stored < allocated or array.dtype.itemsize * 8 != allocated:
        return array
    if high != stored - 1:
        raise ItemRejected("unsupported", f"{stored} bits of {allocated} that do not end at the lowest")
    return (array << unused) >> unused
