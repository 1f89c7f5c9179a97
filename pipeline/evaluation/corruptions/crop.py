"""A camera that is nearer, or aims a little to the side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
from PIL import Image

from pipeline.core.evaluation_contracts import Corruption
from pipeline.evaluation.severities import change_frames, check_levels


@final
@dataclass(frozen=True, kw_only=True)
class Crop(Corruption):
    """Cuts a part out at a random position and enlarges it to the whole.

    Args:
        side_ratios: For each severity the share of each side that is left, 0.05 to 1.
    """

    spatial_rank = None

    side_ratios: list[float]

    def __post_init__(self) -> None:
        check_levels("side_ratios", self.side_ratios, 0.05, 1)

    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        side_ratio = self.side_ratios[severity - 1]
        corners = generator.random((len(images), 2)) * (1 - side_ratio)
        return np.stack(
            [
                change_frames(one, partial(_cut, side_ratio=side_ratio, top=top, left=left))
                for one, (top, left) in zip(images, corners, strict=True)
            ]
        )


def _cut(pixels: np.ndarray, side_ratio: float, top: float, left: float) -> np.ndarray:
    """(H, W, 1 or 3) uint8; the corner in shares of the sides."""
    height, width = pixels.shape[:2]
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    box = (left * width, top * height, (left + side_ratio) * width, (top + side_ratio) * height)
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, box=box)).reshape(pixels.shape)
