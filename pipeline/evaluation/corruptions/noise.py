"""Noise of the sensor, as in little light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.evaluation_contracts import Corruption
from pipeline.evaluation.severities import check_levels, scale_to_side


@final
@dataclass(frozen=True, kw_only=True)
class Noise(Corruption):
    """Adds Gaussian noise to each pixel and channel, in every frame or slice another.

    Args:
        deviations: For each severity the standard deviation as a share of the full range where the shorter side is 224
            pixels, 0 to 1; it changes with the root of the side, since a smaller picture averages less noise away.

    Source: Hendrycks and Dietterich 2019, arXiv:1903.12261; the root lies between their figures for 224 and 32 pixels.
    """

    spatial_rank = None

    deviations: list[float]

    def __post_init__(self) -> None:
        check_levels("deviations", self.deviations, 0, 1)

    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        deviation = 255 * self.deviations[severity - 1] * scale_to_side(images, 0.5)
        noise = generator.standard_normal(images.shape, dtype=np.float32)
        return np.asarray((images + deviation * noise).round().clip(0, 255).astype(np.uint8))
