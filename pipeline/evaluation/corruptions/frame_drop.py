"""Frames that a camera, a network or a full disk lost: the one before stands in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.evaluation_contracts import Corruption
from pipeline.evaluation.severities import check_levels


@final
@dataclass(frozen=True, kw_only=True)
class FrameDrop(Corruption):
    """Replaces random frames by the last one before them that is not lost; the first frame stays.

    Args:
        shares: For each severity the probability of a frame to be lost, 0 to 1.
    """

    spatial_rank = 3
    media = "clip"

    shares: list[float]

    def __post_init__(self) -> None:
        check_levels("shares", self.shares, 0, 1)

    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        is_there = generator.random(images.shape[:2]) >= self.shares[severity - 1]
        is_there[:, 0] = True
        shown = np.maximum.accumulate(np.where(is_there, np.arange(images.shape[1]), 0), axis=1)
        return np.stack([one[frames] for one, frames in zip(images, shown, strict=True)])
