"""The colour cast of the other class, at the same brightness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.ranges import PositiveFloat
from pipeline.evaluation.interventions.matching import LEVELS, Change, MatchingIntervention, as_column, round_levels

# one unit of the property, none of the other one, and none of luma (0.299 red + 0.587 green + 0.114 blue)
DIRECTIONS = {"red_green": (0.644, -0.356, 0.144), "blue_yellow": (-0.114, -0.114, 0.886)}


@final
@dataclass(frozen=True, kw_only=True)
class ColourCast(MatchingIntervention):
    """Adds a colour without luma to every pixel; a picture of one channel stays as it is.

    Args:
        properties: `red_green`, `blue_yellow` or both.
        max_strength: Largest change of the property, as a share of white.

    Raises:
        ValueError: A property is neither of the two.
    """

    properties: list[str]
    max_strength: PositiveFloat

    def __post_init__(self) -> None:
        for name in self.properties:
            if name not in DIRECTIONS:
                raise ValueError(f"properties must be among {', '.join(DIRECTIONS)}, got {name!r}")

    def prepare(self, pictures: np.ndarray, name: str) -> Change:
        return lambda strengths: shift_colour(pictures, strengths, name)


def shift_colour(pictures: np.ndarray, strengths: np.ndarray, direction: str) -> np.ndarray:
    """(N, H, W, C) uint8 pictures with a colour added; those of one channel as they are.

    Args:
        pictures: To be changed.
        strengths: (N,) change of the property, as a share of white.
        direction: `red_green` or `blue_yellow`.
    """
    if pictures.shape[-1] == 1:
        return pictures
    return round_levels(pictures + LEVELS * as_column(strengths) * np.array(DIRECTIONS[direction], dtype=np.float32))
