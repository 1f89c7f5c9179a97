"""From the bytes of a picture to what a person sees, and what can be measured on it; each picture decoded once."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass

import imagehash
import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from pipeline.core.errors import Refused
from pipeline.core.files import digest

REASONS = {
    "missing": "the source names a file that is not there",
    "unreadable": "the file cannot be opened (permissions, a folder, an input error)",
    "outside": "the path leaves the source's folder",
    "empty": "the file has no bytes",
    "not_a_picture": "no supported picture format recognises the bytes",
    "truncated": "the picture ends early or its data are damaged",
    "too_large": "the picture has more pixels than max_pixels allows",
    "duplicate_name": "the source names this item more than once",
    "no_row": "the file is there, but the source's table or document does not name it",
    "bad_name": "the file's name is not UTF-8",
    "bad_annotation": "what the source says of this item is damaged, unsafe or contradicts itself",
}
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, LookupError, MemoryError, TypeError, struct.error)  # from Pillow
MEASURED_SIDE = 256  # properties are measured on a copy reduced to about this side, so that size does not enter them
TURNS = {  # EXIF orientation; ImageOps.exif_transpose also writes the other tags anew and fails on odd ones
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


@dataclass(frozen=True)
class Measured:
    """What ingest keeps of a picture.

    Attributes:
        content_hash: Of the decoded pixels and their shape.
        perceptual_hash: 64-bit DCT hash as 16 hexadecimal digits (imagehash.phash); near pictures differ in few bits.
        properties: Name to number, each described in `properties`.
    """

    content_hash: str
    perceptual_hash: str
    height: int
    width: int
    channels: int
    properties: dict[str, float]


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
    if isinstance(data, np.ndarray):
        return data
    if not data:
        raise Refused("empty", "0 bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > max_pixels:
                    raise Refused("too_large", f"{image.width} x {image.height} pixels, at most {max_pixels} allowed")
                image.load()
                return _as_seen(image)
    except Image.DecompressionBombError as error:
        raise Refused("too_large", str(error)) from None
    except UnidentifiedImageError:
        raise Refused("not_a_picture", f"starts with {bytes(data[:8])!r}") from None
    except DAMAGED as error:
        raise Refused("truncated", str(error) or type(error).__name__) from None


def _as_seen(image: Image.Image) -> np.ndarray:
    turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    if turn is not None:
        image = image.transpose(turn)
    if image.mode.startswith(("I", "F")):
        return _to_8_bit(np.asarray(image))
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    if image.mode in ("1", "L", "LA"):
        return np.asarray(image.convert("L"))
    return np.asarray(image.convert("RGB"))


def _to_8_bit(array: np.ndarray) -> np.ndarray:
    """16-bit pictures use their full range; anything wider is taken as 16 bit when it goes past 255."""
    if array.dtype.newbyteorder("=") == np.uint16 or array.max(initial=0) > 255:
        array = array.astype(np.float64) / 257
    return np.clip(np.rint(array), 0, 255).astype(np.uint8)


def content_hash(array: np.ndarray) -> str:
    """Of decoded pixels and their shape."""
    return digest(repr(array.shape).encode(), np.ascontiguousarray(array).tobytes())


def measure(array: np.ndarray, num_bytes: int) -> Measured:
    """Hashes, size and properties of decoded pixels."""
    height, width = array.shape[:2]
    image = Image.fromarray(array)
    factor = max(1, min(height, width) // MEASURED_SIDE)
    small = image.reduce(factor) if factor > 1 else image
    return Measured(
        content_hash=content_hash(array),
        perceptual_hash=str(imagehash.phash(small)),
        height=height,
        width=width,
        channels=1 if array.ndim == 2 else array.shape[2],
        properties=properties(np.asarray(small), height, width, num_bytes),
    )


def properties(array: np.ndarray, height: int, width: int, num_bytes: int) -> dict[str, float]:
    """What is measured of a picture, apart from what it shows.

    Returns:
        `brightness` (mean luma, 0 black to 1 white), `contrast` (standard deviation of luma, 0 to 0.5),
        `saturation` (mean of HSV saturation, 0 to 1), `sharpness` (mean absolute difference of neighbouring luma,
        0 to 1), `entropy` (bits of the 256-bin luma histogram, 0 to 8), `border_brightness` (mean luma of the
        outermost 5 %), `aspect_ratio` (width / height), `num_pixels`, `num_bytes` (size as stored).
    """
    pixels = array.astype(np.float32) / 255
    luma = pixels if pixels.ndim == 2 else pixels @ LUMA
    margin = max(1, round(0.05 * min(luma.shape)))
    inner = luma[margin:-margin, margin:-margin]
    border = (luma.sum(dtype=np.float64) - inner.sum(dtype=np.float64)) / max(1, luma.size - inner.size)
    counts = np.bincount((luma * 255 + 0.5).astype(np.uint8).ravel(), minlength=256)
    share = counts[counts > 0] / luma.size
    steps = [np.abs(np.diff(luma, axis=axis)) for axis in (0, 1)]
    num_steps = sum(step.size for step in steps)
    return {
        "brightness": float(luma.mean(dtype=np.float64)),
        "contrast": float(luma.std(dtype=np.float64)),
        "saturation": _saturation(pixels),
        "sharpness": float(sum(step.sum(dtype=np.float64) for step in steps) / max(1, num_steps)),
        "entropy": float(-(share * np.log2(share)).sum()) + 0.0,
        "border_brightness": float(border),
        "aspect_ratio": width / height,
        "num_pixels": float(height * width),
        "num_bytes": float(num_bytes),
    }


def _saturation(pixels: np.ndarray) -> float:
    if pixels.ndim == 2:
        return 0.0
    high, low = pixels.max(axis=2), pixels.min(axis=2)
    return float(np.divide(high - low, high, out=np.zeros_like(high), where=high > 0).mean(dtype=np.float64))


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
