"""A camera that takes fewer frames per second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.evaluation_contracts import Corruption
from pipeline.evaluation.severities import check_levels


@final
@dataclass(frozen=True, kw_only=True)
class FewerFrames(Corruption):
    """Shows each frame as long as the next one is missing, so that a clip keeps its length and jerks.

    Args:
        frame_ratios: For each severity the share of the frames that is left, above 0 to 1; at least one frame is.
    """

    spatial_rank = 3
    media = "clip"

    frame_ratios: list[float]

    def __post_init__(self) -> None:
        check_levels("frame_ratios", self.frame_ratios, 0, 1)

    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        number = images.shape[1]
        left = max(1, round(self.frame_ratios[severity - 1] * number))
        part = np.arange(number) * left // number  # of each frame, 0 to left - 1
        first = np.searchsorted(part, np.arange(left))
        return images[:, first[part]]
