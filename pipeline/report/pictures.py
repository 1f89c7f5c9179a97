"""Pictures in a page: PNG as data URIs, within a budget of pixels."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
from PIL import Image

MAX_SIDE, MIN_SIDE = 144, 48
BUDGET = 24 * MAX_SIDE**2  # pixels of all thumbnails together; a colour photograph takes about 2.2 bytes each
MAX_SHEET_BYTES = 600_000


def thumbnails(images: dict[str, np.ndarray]) -> dict[str, str]:
    """sample_id to data URI; the more pictures, the smaller they are.

    Args:
        images: (H, W, 1 or 3) uint8.
    """
    side = int(math.sqrt(BUDGET / max(1, len(images))))
    side = min(MAX_SIDE, max(MIN_SIDE, side))
    return {name: data_uri(encode_png(shrink(to_image(array), side))) for name, array in images.items()}


def preview_uri(png: bytes) -> str:
    """The sheet as a data URI, reduced if it has more than `MAX_SHEET_BYTES`."""
    while len(png) > MAX_SHEET_BYTES:
        with Image.open(io.BytesIO(png)) as sheet:
            smaller = encode_png(shrink(sheet, int(0.75 * max(sheet.size))))
        if len(smaller) >= len(png):
            break
        png = smaller
    return data_uri(png)


def to_image(array: np.ndarray) -> Image.Image:
    """(H, W), (H, W, 1) or (H, W, 3) uint8 as a picture."""
    return Image.fromarray(np.ascontiguousarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array))


def shrink(image: Image.Image, side: int) -> Image.Image:
    """A copy whose longer side is at most `side`."""
    copy = image.copy()
    copy.thumbnail((side, side), Image.Resampling.LANCZOS)
    return copy


def encode_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
