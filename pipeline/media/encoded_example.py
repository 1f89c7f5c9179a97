"""A stored sample as a small file that its codec reads without an extra: the input example of a served model."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

MILLISECONDS = 100  # that a frame of an example is shown


def encode_example(media: str, stored: np.ndarray) -> bytes:
    """PNG of a picture, animated WebP of a clip, NPY of a volume; no loss.

    Args:
        media: image, clip or volume.
        stored: (*spatial, C) uint8; of a volume of three channels the first one is taken.
    """
    buffer = io.BytesIO()
    if media == "volume":
        np.save(buffer, stored[..., 0], allow_pickle=False)
        return buffer.getvalue()
    frames = [_image(one) for one in (stored[None] if media == "image" else stored)]
    if media == "image":
        frames[0].save(buffer, format="PNG")
    else:
        rest = frames[1:]
        frames[0].save(buffer, "WEBP", save_all=True, append_images=rest, duration=MILLISECONDS, lossless=True)
    return buffer.getvalue()


def _image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels))
