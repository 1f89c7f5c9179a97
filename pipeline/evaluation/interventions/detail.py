"""The sharpness of the other class, by fine detail that is weakened or strengthened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.ranges import PositiveFloat
from pipeline.evaluation.interventions.matching import Change, MatchingIntervention, change_distances


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

    def prepare(self, pictures: np.ndarray, name: str) -> Change:
        from scipy.ndimage import gaussian_filter

        sigma = (0, self.sigma, self.sigma, 0)
        return change_distances(pictures, gaussian_filter(pictures.astype(np.float32), sigma=sigma))
