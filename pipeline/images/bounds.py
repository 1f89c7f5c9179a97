"""Limits of memory and time for a picture, checked before a pixel is decoded, and removal of large metadata."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from pipeline.core.errors import ItemRejected

BYTES_PER_PIXEL = 10  # times max_pixels; a progressive JPEG in full colour takes 10 bytes a pixel, 4 of them its result
MAX_SCANS = 100  # of a progressive JPEG, usually 10; each costs the time of a whole picture
SCANS_OF_LARGEST = 16  # allowed for a picture of max_pixels; smaller pictures may have more
MODE_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}  # in Pillow's memory, others 4
SIGNATURE = b"\x89PNG\r\n\x1a\n"
PACKED_TEXT = (b"zTXt", b"iTXt")
MAX_TEXT = 2**20  # bytes of one text of a PNG, unpacked, and of all texts: Pillow refuses the picture beyond them
MAX_TEXTS = 2**25  # half of what Pillow allows
TILE_WIDTH, TILE_HEIGHT, ROWS_PER_STRIP, BITS, SAMPLES = 322, 323, 278, 258, 277  # tags of TIFF 6.0


def refuse_too_large(image: Image.Image, data: bytes, max_pixels: int) -> None:
    """Refuses an opened picture that would take too much memory or time.

    Args:
        image: Its header is read, no pixel is decoded.
        data: The whole file.
        max_pixels: Most pixels; 10 bytes for each of so many is the most memory that decoding may take.

    Raises:
        ItemRejected: `too_large`, or `truncated` where it has no pixel.
    """
    pixels = image.width * image.height
    size = f"{image.width} x {image.height} pixels"
    if not pixels:
        raise ItemRejected("truncated", size)
    if pixels > max_pixels:
        raise ItemRejected("too_large", f"{size}, at most {max_pixels} allowed")
    taken = bytes_to_decode(image)
    if taken > BYTES_PER_PIXEL * max_pixels:
        raise ItemRejected(
            "too_large",
            f"{size} need {taken} bytes of memory, at most {BYTES_PER_PIXEL * max_pixels} allowed, which is "
            f"{BYTES_PER_PIXEL} for each of max_pixels",
        )
    if image.info.get("progressive"):
        allowed = min(MAX_SCANS, SCANS_OF_LARGEST * max_pixels // pixels)
        scans = num_scans(data)
        if scans > allowed:
            raise ItemRejected("too_large", f"{scans} progressive scans of {size}, at most {allowed} allowed")


def bytes_to_decode(image: Image.Image) -> int:
    """Bytes of memory that Pillow and its decoder need at once: for pixels, and for coefficients or strips."""
    pixels = image.width * image.height
    taken = pixels * MODE_BYTES.get(image.mode, 4)
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.info.get("progressive"):
        taken += 2 * _num_coefficients(image)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        taken += _strip_bytes(image)
    return taken


def _num_coefficients(image: JpegImagePlugin.JpegImageFile) -> int:
    """The number of DCT coefficients of a JPEG; libjpeg holds all, in 16 bits each, until the last scan is read."""
    factors = [(across, down) for _, across, down, _ in image.layer]
    widest, highest = max((one for one, _ in factors), default=1), max((one for _, one in factors), default=1)
    pixels = image.width * image.height
    return sum(math.ceil(pixels * across * down / (max(1, widest) * max(1, highest))) for across, down in factors)


def _strip_bytes(image: TiffImagePlugin.TiffImageFile) -> int:
    """Bytes of the strip or tile that libtiff unpacks at once, which may be larger than the picture."""
    tags = image.tag_v2
    width, height = _number(tags.get(TILE_WIDTH)), _number(tags.get(TILE_HEIGHT))
    if not (width and height):
        width = _number(tags.get(256))
        height = min(_number(tags.get(ROWS_PER_STRIP)) or 2**32, _number(tags.get(257)))
    bits = tags.get(BITS, (1,))
    widest = max((_number(one) for one in bits), default=1) if isinstance(bits, tuple) else _number(bits)
    return width * height * max(1, _number(tags.get(SAMPLES))) * widest // 8


def _number(value: object) -> int:
    """The value of a tag; 0 where it is no positive integer."""
    return value if isinstance(value, int) and value > 0 else 0


def num_scans(data: bytes) -> int:
    """The number of scans of a JPEG's first picture, without those in metadata or after its end."""
    place, scans = 2, 0
    while (place := data.find(b"\xff", place)) >= 0 and place + 3 < len(data):
        marker = data[place + 1]
        if marker == 0xD9:
            break
        if marker in (0x00, 0x01, *range(0xD0, 0xD8)):  # stuffed bytes and markers without a length
            place += 2
        elif marker == 0xFF:
            place += 1
        else:
            scans += marker == 0xDA
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return scans


def without_large_metadata(data: bytes) -> bytes:
    """A PNG without its colour profile and without texts that unpack to more than Pillow accepts; others as they are.

    Neither is needed to read such a picture: profiles are not used, and of texts only the small ones that give the
    orientation. A text is unpacked up to `MAX_TEXT` bytes, a profile not at all.
    """
    if not data.startswith(SIGNATURE):
        return data
    left, start, pieces = MAX_TEXTS, 0, []
    for place, end, kind in _chunks(data):
        size = _text_size(data[place + 8 : end - 4], kind) if kind in (*PACKED_TEXT, b"tEXt") and left > 0 else 0
        left -= size
        if kind == b"iCCP" or size > MAX_TEXT or (kind in (*PACKED_TEXT, b"tEXt") and left <= 0):
            pieces.append(data[start:place])
            start = end
    return b"".join([*pieces, data[start:]]) if pieces else data


def _chunks(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Where each chunk of a PNG starts and ends, and its kind; none after the end or after damage."""
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if end > len(data) or kind == b"IEND":
            return
        yield place, end, kind
        place = end


def _text_size(body: bytes, kind: bytes) -> int:
    """Bytes of a text of a PNG, unpacked up to one more than `MAX_TEXT`; 0 for what cannot be unpacked."""
    if kind == b"tEXt":
        return len(body)
    after = body.find(b"\0") + 1
    if kind == b"iTXt":
        if body[after : after + 1] == b"\0":
            return len(body)
        language = body.find(b"\0", after + 2) + 1
        after = body.find(b"\0", language)
    try:
        return len(zlib.decompressobj().decompress(body[after + 1 :], MAX_TEXT + 1))
    except zlib.error:
        return 0
