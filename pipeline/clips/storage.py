"""The form in which clips are stored for a network: so many squares of one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.open_types import JsonObject
from pipeline.core.sample_codec import StorageFormat
from pipeline.images.storage import SquareFormat


@final
@dataclass(frozen=True, kw_only=True)
class ClipFormat(StorageFormat):
    """How a decoded clip becomes a row of packed arrays: every frame as a picture would.

    Args:
        num_frames: Of every clip.
        square: Of every frame.
    """

    num_frames: int
    square: SquareFormat

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.num_frames, *self.square.shape)

    def for_card(self) -> JsonObject:
        return self.square.for_card()

    def convert(self, sample: np.ndarray) -> np.ndarray:
        """(num_frames, size, size, C) of (num_frames, H, W) or (num_frames, H, W, 3) uint8."""
        if len(sample) != self.num_frames:
            raise ValueError(f"{len(sample)} frames where {self.num_frames} are stored")
        return np.stack([self.square.convert(frame) for frame in sample])
