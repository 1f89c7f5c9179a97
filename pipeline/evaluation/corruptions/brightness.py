"""More or less light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.evaluation_contracts import Corruption
from pipeline.evaluation.severities import check_levels


@final
@dataclass(frozen=True, kw_only=True)
class Brightness(Corruption):
    """Adds to the brightness of each pixel, the largest of its channels; hue and saturation stay.

    Args:
        added: For each severity a share of the full range, -1 to 1; negative numbers darken.

    Source: Hendrycks and Dietterich 2019, arXiv:1903.12261.
    """

    spatial_rank = None

    added: list[float]

    def __post_init__(self) -> None:
        check_levels("added", self.added, -1, 1)

    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        pixels = images.astype(np.float32)
        value = pixels.max(axis=-1, keepdims=True)
        lit = np.clip(value + 255 * self.added[severity - 1], 0, 255)
        result = np.where(value > 0, pixels * lit / np.maximum(value, 1), lit)  # black has no hue
        return np.asarray(result.round().clip(0, 255).astype(np.uint8))
