"""The brightness of the other class, along a curve of exposure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import expit, logit

from pipeline.core.ranges import PositiveFloat
from pipeline.evaluation.interventions.matching import LEVELS, MatchingIntervention


@final
@dataclass(frozen=True, kw_only=True)
class Exposure(MatchingIntervention):
    """Every pixel becomes expit(logit(pixel) + strength), so none is cut off at black or white.

    Args:
        properties: Names of the properties it changes.
        max_strength: Largest strength; 3 takes a middle grey of 0.5 to 0.05 or 0.95.
    """

    properties: list[str]
    max_strength: PositiveFloat

    def change(self, pictures: np.ndarray, strengths: np.ndarray, name: str) -> np.ndarray:
        return shift_exposure(pictures, strengths)


def shift_exposure(pictures: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """Float pictures in 0 to 255 moved on the logit scale."""
    shares = (pictures + 0.5) / (LEVELS + 1)
    return np.asarray(expit(logit(shares) + strengths) * (LEVELS + 1) - 0.5)
