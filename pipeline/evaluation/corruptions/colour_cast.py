"""Light of another colour, or a wrong white balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from pipeline.core.evaluation_contracts import Corruption
from pipeline.evaluation.severities import check_levels

CASTS = np.array(
    [[1.0, 0.0, -1.0], [-1.0, 0.0, 1.0], [0.5, -1.0, 0.5], [-0.5, 1.0, -0.5]]
)  # warm, cold, magenta, green


@final
@dataclass(frozen=True, kw_only=True)
class ColourCast(Corruption):
    """Makes the light of each picture warmer, colder, more magenta or greener, at random; grey pictures stay.

    Args:
        strengths: For each severity the share by which the most changed channel is scaled, 0 to 1.
    """

    spatial_rank = None
    in_colour: ClassVar[bool] = True

    strengths: list[float]

    def __post_init__(self) -> None:
        check_levels("strengths", self.strengths, 0, 1)

    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        casts = CASTS[generator.integers(len(CASTS), size=len(images))]
        if images.shape[-1] == 1:
            return images.copy()
        factors = 1 + self.strengths[severity - 1] * casts.reshape(len(images), *[1] * (images.ndim - 2), 3)
        return np.asarray((images * factors).round().clip(0, 255).astype(np.uint8))
