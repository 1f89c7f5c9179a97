"""From the bytes of a picture to what a person sees, in bounded memory and time."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import xxhash
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from pipeline.core.encoding import Encoding, encoding
from pipeline.core.errors import Refused

REASONS = {
    "missing": "the source names a file that is not there",
    "unreadable": "the file cannot be opened (permissions, a folder, an input error)",
    "outside": "the path leaves the source's folder",
    "empty": "the file has no bytes",
    "not_a_picture": "no supported picture format recognises the bytes",
    "truncated": "the picture ends early or its data are damaged",
    "too_large": "the picture has more pixels than max_pixels allows, or would take too much memory or time",
    "crashed": "decoding it kills the process (lack of memory, a fault in a decoder)",
    "duplicate_name": "the source names this item more than once",
    "ambiguous": "the source's name for it may mean several files, or several names mean one file",
    "no_row": "the file is there, but the source's table or document does not name it",
    "bad_name": "the file's name is not UTF-8",
    "bad_annotation": "what the source says of this item is damaged, unsafe or contradicts itself",
    "dropped": "a person dropped it in data/label_decisions.csv",
}
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error)  # from Pillow
MAX_SCANS = 100  # of a progressive JPEG, 10 as usually written; each of them costs the time of a whole picture
TURNS = {  # EXIF orientation; ImageOps.exif_transpose also writes the other tags anew and fails on odd ones
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)  # turns that exchange width and height


def decode(data: bytes | np.ndarray, max_pixels: int) -> np.ndarray:
    """Pixels as a person sees them: orientation applied, transparency on white, 8 bit.

    Args:
        data: An encoded picture, or pixels already decoded.
        max_pixels: Largest accepted height x width, checked before the pixels are decoded.

    Returns:
        (H, W) or (H, W, 3) uint8.

    Raises:
        Refused: With one of `REASONS`.
    """
    return data if isinstance(data, np.ndarray) else np.asarray(seen(data, max_pixels))


def seen(data: bytes | np.ndarray, max_pixels: int) -> Image.Image:
    """`decode` as an image of mode L or RGB, for more work in Pillow: leaving and coming back cost a copy each.

    Raises:
        Refused: With one of `REASONS`.
    """
    return seen_and_told(data, max_pixels)[0]


def seen_and_told(data: bytes | np.ndarray, max_pixels: int) -> tuple[Image.Image, Encoding]:
    """`seen`, and what the file tells beside.

    Raises:
        Refused: With one of `REASONS`.
    """
    if isinstance(data, np.ndarray):
        return Image.fromarray(data), Encoding()
    if not data:
        raise Refused("empty", "0 bytes")
    try:
        with warnings.catch_warnings(), _limit(max_pixels):
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _bound(image, data, max_pixels)
                image.load()
                return _as_seen(image), encoding(image)
    except MemoryError:
        raise Refused("too_large", "memory does not suffice to decode it") from None
    except Image.DecompressionBombError as error:
        raise Refused("too_large", str(error)) from None
    except UnidentifiedImageError:
        raise Refused("not_a_picture", f"starts with {bytes(data[:8])!r}") from None
    except DAMAGED as error:
        raise Refused("truncated", str(error) or type(error).__name__) from None


def size(data: bytes | np.ndarray) -> tuple[int, int]:
    """Width and height as a person sees them, from the header alone.

    Raises:
        Refused: `empty`, or `not_a_picture` by its first bytes; whether all of it can be decoded is not asked.
    """
    if isinstance(data, np.ndarray):
        return data.shape[1], data.shape[0]
    if not data:
        raise Refused("empty", "0 bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                told = image.format == "TIFF" or "exif" in image.info  # else Pillow decodes all of a PNG to look for it
                turned = told and image.getexif().get(ExifTags.Base.Orientation) in SIDEWAYS
                return (image.height, image.width) if turned else (image.width, image.height)
    except Image.DecompressionBombError as error:
        raise Refused("too_large", str(error)) from None
    except DAMAGED:  # UnidentifiedImageError is an OSError
        raise Refused("not_a_picture", f"starts with {bytes(data[:8])!r}") from None


@contextmanager
def _limit(max_pixels: int) -> Iterator[None]:
    """Pillow's own limit would refuse what this one allows; it is a global of Pillow, so it is put back."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _bound(image: Image.Image, data: bytes, max_pixels: int) -> None:
    """Refuses, before any pixel is decoded, what would take too much memory or time."""
    if not image.width * image.height:
        raise Refused("truncated", f"{image.width} x {image.height} pixels")
    if image.width * image.height > max_pixels:
        raise Refused("too_large", f"{image.width} x {image.height} pixels, at most {max_pixels} allowed")
    if image.info.get("progressive") and _num_scans(data) > MAX_SCANS:
        raise Refused("too_large", f"more than {MAX_SCANS} progressive scans")


def _num_scans(data: bytes) -> int:
    """Scans of a JPEG's first picture; what metadata hold or what follows its end does not count."""
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


def _as_seen(image: Image.Image) -> Image.Image:
    turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    if turn is not None:
        image = image.transpose(turn)
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_8_bit(np.asarray(image)))
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)
    wanted = "L" if image.mode in ("1", "L", "LA") else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def _to_8_bit(array: np.ndarray) -> np.ndarray:
    """16-bit pictures use their full range; anything wider is taken as 16 bit when it goes past 255."""
    if array.dtype.newbyteorder("=") == np.uint16 or array.max(initial=0) > 255:
        array = array.astype(np.float64) / 257
    return np.clip(np.rint(array), 0, 255).astype(np.uint8)


def content_hash(array: np.ndarray) -> str:
    """32 hexadecimal digits of XXH3 over decoded pixels and their shape.

    A fast hash, not a cryptographic one: it says which pictures are equal, DVC's hashes say which files were used.
    """
    state = xxhash.xxh3_128(repr(array.shape).encode())
    state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


def resize(array: np.ndarray, size: int, fit: str) -> np.ndarray:
    """A square copy with antialiasing.

    Args:
        array: (H, W) or (H, W, 3) uint8.
        size: Side of the result in pixels.
        fit: `crop` (shorter side to size, centre kept), `pad` (longer side to size, edges black) or `stretch`.

    Returns:
        (size, size) or (size, size, 3) uint8.
    """
    image = Image.fromarray(array)
    method = Image.Resampling.BILINEAR if min(image.size) > size else Image.Resampling.BICUBIC
    if fit == "crop":
        return np.asarray(ImageOps.fit(image, (size, size), method))
    if fit == "pad":
        return np.asarray(ImageOps.pad(image, (size, size), method))
    return np.asarray(image.resize((size, size), method))


def stored(array: np.ndarray, size: int, fit: str, channels: int) -> np.ndarray:
    """A picture as it is packed: `resize`, then (size, size, channels); grey is repeated where colour is stored."""
    small = resize(array, size, fit)
    if channels == 1 and small.ndim == 3:
        small = np.asarray(Image.fromarray(small).convert("L"))
    if small.ndim == 2:
        small = small[:, :, None]
    return np.repeat(small, channels, axis=2) if small.shape[2] < channels else small
