"""The saturation of the other class, around the grey of each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.ranges import PositiveFloat
from pipeline.evaluation.interventions.matching import MatchingIntervention
from pipeline.images.properties import LUMA


@final
@dataclass(frozen=True, kw_only=True)
class Saturation(MatchingIntervention):
    """Every pixel becomes luma + exp(strength) x (pixel - luma); a picture of one channel stays as it is.

    Args:
        properties: Names of the properties it changes.
        max_strength: Largest strength; 2 makes the distance to grey 7.4 times as large, or as small.
    """

    properties: list[str]
    max_strength: PositiveFloat

    def change(self, pictures: np.ndarray, strengths: np.ndarray, name: str) -> np.ndarray:
        if pictures.shape[-1] == 1:
            return pictures
        grey = (pictures @ np.array(LUMA))[..., None]
        return np.asarray(grey + np.exp(strengths) * (pictures - grey))
