"""Haze and fog: less contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.evaluation_contracts import Corruption
from pipeline.evaluation.severities import check_levels


@final
@dataclass(frozen=True, kw_only=True)
class Contrast(Corruption):
    """Moves each pixel towards the mean of its channel.

    Args:
        contrast_ratios: For each severity the share of the distance to the mean that is left, 0 to 1.

    Source: Hendrycks and Dietterich 2019, arXiv:1903.12261.
    """

    spatial_rank = None

    contrast_ratios: list[float]

    def __post_init__(self) -> None:
        check_levels("contrast_ratios", self.contrast_ratios, 0, 1)

    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        pixels = images.astype(np.float32)
        mean = pixels.mean(axis=tuple(range(1, images.ndim - 1)), keepdims=True)
        return np.asarray(
            (mean + self.contrast_ratios[severity - 1] * (pixels - mean)).round().clip(0, 255).astype(np.uint8)
        )
