"""Out of focus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy import ndimage

from pipeline.core.evaluation_contracts import Corruption
from pipeline.evaluation.severities import check_levels, scale_to_side


@final
@dataclass(frozen=True, kw_only=True)
class Blur(Corruption):
    """Blurs with a Gaussian.

    Args:
        widths: For each severity the standard deviation in pixels of a picture whose shorter side is 224, 0 to 50; it
            changes with the side to the power of 0.75, since a pixel of a smaller picture is a blur by itself.

    Source: Hendrycks and Dietterich 2019, arXiv:1903.12261; the power lies between their figures for 64 pixels (0.85 on
        average) and for 32 pixels (0.7).
    """

    spatial_rank = None

    widths: list[float]

    def __post_init__(self) -> None:
        check_levels("widths", self.widths, 0, 50)

    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        width = self.widths[severity - 1] * scale_to_side(images, 0.75)
        widths = (*[0] * (images.ndim - 3), width, width, 0)  # frames and slices are blurred one by one
        blurred = ndimage.gaussian_filter(images.astype(np.float32), widths, mode="reflect")
        return np.asarray(blurred.round().clip(0, 255).astype(np.uint8))
