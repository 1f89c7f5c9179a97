"""A scanner with thicker slices: each is the mean of several thin ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy import ndimage

from pipeline.core.evaluation_contracts import Corruption
from pipeline.evaluation.severities import check_levels


@final
@dataclass(frozen=True, kw_only=True)
class SliceThickness(Corruption):
    """Replaces each slice by the mean of its neighbourhood along the axis of slices: the partial volume effect.

    Args:
        thicknesses: For each severity the thickness in slices of a volume of 32 slices, 1 to 32; of one with more
            slices in proportion more. 1 changes nothing of 32.

    Source: Kak and Slaney 1988, doi:10.1137/1.9780898719277, section 4.2, for the effect of a thick beam.
    """

    spatial_rank = 3
    media = "volume"

    thicknesses: list[float]

    def __post_init__(self) -> None:
        check_levels("thicknesses", self.thicknesses, 1, USUAL_SLICES)

    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        thickness = self.thicknesses[severity - 1] * images.shape[1] / USUAL_SLICES
        weights = box_weights(thickness)
        mean = ndimage.correlate1d(images.astype(np.float32), weights, axis=1, mode="nearest")
        return np.asarray(mean.round().clip(0, 255).astype(np.uint8))


USUAL_SLICES = 32


def box_weights(thickness: float) -> np.ndarray:
    """(2 k + 1,) float64 shares of thin slices in one of this thickness around the middle one; they add up to 1.

    A slice at the edge counts by the part of it that the thick one covers; 1 or less is the middle one alone.
    """
    half = max(1.0, thickness) / 2
    reach = int(np.ceil(half - 0.5))
    offsets = np.abs(np.arange(-reach, reach + 1))
    covered = np.clip(half - (offsets - 0.5), 0, 1)
    return np.asarray(covered / covered.sum())
