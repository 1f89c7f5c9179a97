"""The saturation of the other class, around the grey of each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.ranges import PositiveFloat
from pipeline.evaluation.interventions.matching import Change, MatchingIntervention, change_distances
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

    def prepare(self, pictures: np.ndarray, name: str) -> Change:
        if pictures.shape[-1] == 1:
            return lambda strengths: pictures
        return change_distances(pictures, (pictures @ np.array(LUMA, dtype=np.float32))[..., None])
