"""Strong JPEG compression, as by a messenger or a slow network."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import final

import numpy as np
from PIL import Image

from pipeline.core.evaluation_contracts import Corruption
from pipeline.evaluation.severities import PUBLISHED_SIDE, check_levels


@final
@dataclass(frozen=True, kw_only=True)
class Compression(Corruption):
    """Stores as JPEG and reads again; a picture below 224 pixels is enlarged for it, as its blocks have 8 pixels.

    Args:
        qualities: For each severity the quality of JPEG, 1 to 100.

    Source: Hendrycks and Dietterich 2019, arXiv:1903.12261.
    """

    qualities: list[int]

    def __post_init__(self) -> None:
        check_levels("qualities", self.qualities, 1, 100)

    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        return np.stack([_compress(one, self.qualities[severity - 1]) for one in images])


def _compress(pixels: np.ndarray, quality: int) -> np.ndarray:
    """(H, W, 1 or 3) uint8."""
    height, width = pixels.shape[:2]
    zoom = max(1.0, PUBLISHED_SIDE / min(height, width))
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    file = io.BytesIO()
    enlarged = picture.resize((round(zoom * width), round(zoom * height)), Image.Resampling.BICUBIC)
    enlarged.save(file, "JPEG", quality=quality)
    result = np.asarray(Image.open(file).resize((width, height), Image.Resampling.BOX))
    return result.reshape(pixels.shape)
