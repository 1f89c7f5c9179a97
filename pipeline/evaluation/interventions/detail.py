"""The sharpness of the other class, by fine detail that is weakened or strengthened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.ranges import PositiveFloat
from pipeline.evaluation.interventions.matching import MatchingIntervention


@final
@dataclass(frozen=True, kw_only=True)
class Detail(MatchingIntervention):
    """Every pixel becomes blurred + exp(strength) x (pixel - blurred), which is unsharp masking, or blur.

    Args:
        properties: Names of the properties it changes.
        max_strength: Largest strength; 3 leaves 5 % of the detail, or makes it 20 times as strong.
        sigma: Standard deviation of the Gaussian blur in stored pixels.
    """

    properties: list[str]
    max_strength: PositiveFloat
    sigma: PositiveFloat

    def change(self, pictures: np.ndarray, strengths: np.ndarray, name: str) -> np.ndarray:
        from scipy.ndimage import gaussian_filter

        blurred = gaussian_filter(pictures, sigma=(0, self.sigma, self.sigma, 0))
        return np.asarray(blurred + np.exp(strengths) * (pictures - blurred))
