"""The brightness of the other class, along a curve of exposure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import expit, logit

from pipeline.core.ranges import PositiveFloat
from pipeline.evaluation.interventions.matching import LEVELS, Change, MatchingIntervention, round_levels


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

    def prepare(self, pictures: np.ndarray, name: str) -> Change:
        return lambda strengths: shift_exposure(pictures, strengths)


def shift_exposure(pictures: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """(N, H, W, C) uint8 pictures moved by (N,) strengths on the logit scale, by a table of the 256 levels each."""
    shares = (np.arange(LEVELS + 1) + 0.5) / (LEVELS + 1)
    tables = round_levels(expit(logit(shares) + strengths[:, None]) * (LEVELS + 1) - 0.5)
    return np.stack([table[picture] for table, picture in zip(tables, pictures, strict=True)])
