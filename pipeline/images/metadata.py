"""The metadata of a picture's file: format, JPEG quality, camera and time."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, JpegImagePlugin

from pipeline.images.grey_scales import is_deep

LUMINANCE = np.array(  # ITU-T T.81, annex K, table K.1; libjpeg scales it by the quality
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
QUALITIES = np.arange(1, 101)
SCALES = np.where(QUALITIES < 50, 5000 // QUALITIES, 200 - 2 * QUALITIES)  # per cent of the table
STEPS = np.clip((LUMINANCE.ravel() * SCALES[:, None] + 50) // 100, 1, 255).sum(axis=1)  # falls as quality rises
MAX_TEXT = 64
TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError)  # from Pillow


@dataclass(frozen=True)
class Encoding:
    """How a picture was stored, and its camera and time.

    Attributes:
        format: Pillow's name, as JPEG; `pixels` for a picture that came decoded.
        jpeg_quality: 1 to 100, NaN for other formats.
        camera: Make and model, at most 64 printable characters, or None.
        time: `YYYY-MM-DD hh:mm:ss` as the camera's clock had it, or None.
        deep: Whether its greys have more than 8 bits.
    """

    format: str = "pixels"
    jpeg_quality: float = math.nan
    camera: str | None = None
    time: str | None = None
    deep: bool = False


def read_metadata(image: Image.Image) -> Encoding:
    """The metadata of an opened picture; damaged values are missing."""
    quality = jpeg_quality(image.quantization) if isinstance(image, JpegImagePlugin.JpegImageFile) else math.nan
    return Encoding(str(image.format), quality, *_exif(image), is_deep(image))


def jpeg_quality(tables: dict[int, list[int]]) -> float:
    """The quality of libjpeg, 1 to 100, whose luminance table has the sum nearest to that of the picture.

    Exact for files that libjpeg wrote from its standard table, else the quality of a table as coarse; NaN without a
    table.

    Source: ITU-T T.81 (1992), annex K; the scaling is jpeg_quality_scaling of the Independent JPEG Group.
    """
    if not tables:
        return math.nan
    return float(QUALITIES[np.abs(STEPS - sum(tables[min(tables)])).argmin()])


def _exif(image: Image.Image) -> tuple[str | None, str | None]:
    try:
        tags = image.getexif()
        if not tags:
            return None, None
        camera = " ".join(filter(None, (_text(tags.get(tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))))
        taken = tags.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal) or tags.get(ExifTags.Base.DateTime)
    except DAMAGED:
        return None, None
    time = TIME.fullmatch(_text(taken))
    return camera[:MAX_TEXT].strip() or None, "{}-{}-{} {}:{}:{}".format(*time.groups()) if time else None


def _text(value: object) -> str:
    """Printable ASCII in one line, at most 64 characters; empty for a value that is no text."""
    return re.sub(r"[^\x20-\x7e]+", " ", value[: 4 * MAX_TEXT]).strip()[:MAX_TEXT] if isinstance(value, str) else ""
