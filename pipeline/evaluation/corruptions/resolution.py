"""A camera of fewer pixels, or one further away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from PIL import Image

from pipeline.core.evaluation_contracts import Corruption
from pipeline.evaluation.severities import change_frames, check_levels


@final
@dataclass(frozen=True, kw_only=True)
class Resolution(Corruption):
    """Shrinks each picture and enlarges it again, pixel by pixel.

    Args:
        side_ratios: For each severity the share of the pixels of a side that is left, 0.01 to 1.

    Source: Hendrycks and Dietterich 2019, arXiv:1903.12261 (pixelate).
    """

    spatial_rank = None

    side_ratios: list[float]

    def __post_init__(self) -> None:
        check_levels("side_ratios", self.side_ratios, 0.01, 1)

    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        side_ratio = self.side_ratios[severity - 1]
        return np.stack([change_frames(one, lambda frame: _pixelate(frame, side_ratio)) for one in images])


def _pixelate(pixels: np.ndarray, side_ratio: float) -> np.ndarray:
    """(H, W, 1 or 3) uint8."""
    height, width = pixels.shape[:2]
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    small = picture.resize(
        (max(1, round(side_ratio * width)), max(1, round(side_ratio * height))), Image.Resampling.BOX
    )
    return np.asarray(small.resize((width, height), Image.Resampling.NEAREST)).reshape(pixels.shape)
