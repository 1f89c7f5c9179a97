"""The light or the colour of the border or the background as in the other class; the middle stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import numpy as np
from annotated_types import Interval

from pipeline.core.ranges import PositiveFloat
from pipeline.evaluation.interventions.colour_cast import shift_colour
from pipeline.evaluation.interventions.exposure import shift_exposure
from pipeline.evaluation.interventions.matching import Change, MatchingIntervention


@final
@dataclass(frozen=True, kw_only=True)
class Surround(MatchingIntervention):
    """Changes the exposure or the colour cast of the outer part, as the other two interventions do of the whole.

    No mask says where the object is: the middle is taken for it. Nothing of another picture comes in, since the border
    of a picture of the other class can hold a piece of its object, and would then be content and no nuisance.

    Args:
        properties: Names of properties of the border or the corners. Those that end with `_red_green` or `_blue_yellow`
            are changed as colours, the others as exposure.
        max_strength: Largest strength, as `Exposure` and, in tenths of white, `ColourCast` have it.
        width: Of the outer part, as a share of the side, on each of the four sides.
        blur: Standard deviation of the Gaussian with which `remove` blurs the outer part, as a share of the shorter
            side.
    """

    properties: list[str]
    max_strength: PositiveFloat
    width: Annotated[float, Interval(gt=0, lt=0.5)]
    blur: PositiveFloat

    def prepare(self, pictures: np.ndarray, name: str) -> Change:
        direction = next((one for one in ("red_green", "blue_yellow") if name.endswith(one)), None)
        outer = self._is_outer(pictures)

        def change(strengths: np.ndarray) -> np.ndarray:
            if direction:
                changed = shift_colour(pictures, strengths / 10, direction)
            else:
                changed = shift_exposure(pictures, strengths)
            return np.where(outer, changed, pictures)

        return change

    def remove(self, pictures: np.ndarray) -> np.ndarray:
        """The pictures with a blurred outer part."""
        from scipy.ndimage import gaussian_filter

        sigma = self.blur * min(pictures.shape[1:3])
        blurred = gaussian_filter(pictures.astype(np.float32), sigma=(0, sigma, sigma, 0))
        return np.where(self._is_outer(pictures), np.rint(blurred), pictures).astype(np.uint8)

    def isolate(self, pictures: np.ndarray) -> np.ndarray:
        """The outer part alone, around a middle of its mean colour."""
        outer = self._is_outer(pictures)
        mean = pictures.mean(axis=(1, 2), keepdims=True, where=outer)
        return np.where(outer, pictures, np.rint(mean)).astype(np.uint8)

    def _is_outer(self, pictures: np.ndarray) -> np.ndarray:
        """(1, H, W, 1) bool."""
        height, width = pictures.shape[1:3]
        top, left = (max(1, round(self.width * side)) for side in (height, width))
        outer = np.ones((1, height, width, 1), dtype=bool)
        outer[:, top : height - top, left : width - left] = False
        return outer
