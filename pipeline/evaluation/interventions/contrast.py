"""The contrast of the other class, around the picture's own mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.ranges import PositiveFloat
from pipeline.evaluation.interventions.matching import Change, MatchingIntervention, change_distances


@final
@dataclass(frozen=True, kw_only=True)
class Contrast(MatchingIntervention):
    """Every pixel becomes mean + exp(strength) x (pixel - mean), with the mean of the picture.

    Args:
        properties: Names of the properties it changes.
        max_strength: Largest strength; 1.5 makes differences 4.5 times as large, or as small.
    """

    properties: list[str]
    max_strength: PositiveFloat

    def prepare(self, pictures: np.ndarray, name: str) -> Change:
        return change_distances(pictures, pictures.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float32))
