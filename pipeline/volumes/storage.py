"""The form in which volumes are stored for a network: all of one shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pipeline.core.open_types import JsonObject
from pipeline.core.sample_codec import StorageFormat
from pipeline.volumes.resampling import centre, resize

Fit = Literal["crop", "pad", "stretch"]


@final
@dataclass(frozen=True, kw_only=True)
class VolumeFormat(StorageFormat):
    """How a decoded volume becomes a row of packed arrays.

    Args:
        size: Height and width in voxels.
        depth: Slices.
        fit: `crop` (shorter side of a slice to size, centre kept), `pad` (longer side to size, edges black) or
            `stretch`; the slices are always resized to `depth`. Ignored where voxels are cubes.
        channels: 1 or 3; grey is repeated where colour is stored.
        has_cubes: Whether volumes were resampled to cubes of one size: they are then cut or filled around their
            centre, and never resized, so that a millimetre is as long in every sample.
    """

    size: int
    depth: int
    fit: Fit
    channels: int
    has_cubes: bool

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.depth, self.size, self.size, self.channels)

    def for_card(self) -> JsonObject:
        return {"size": self.size, "channels": self.channels, "fit": self.fit}

    def convert(self, sample: np.ndarray) -> np.ndarray:
        wanted = (self.depth, self.size, self.size)
        if self.has_cubes:
            small = centre(sample, wanted)
        else:
            _, rows, columns = sample.shape
            if self.fit == "stretch":
                small = resize(sample, wanted)
            elif self.fit == "crop":
                side = min(rows, columns)
                left, upper = (columns - side) / 2, (rows - side) / 2
                box = None if rows == columns else (left, upper, left + side, upper + side)
                small = resize(sample, wanted, box)
            else:
                side = max(rows, columns)
                lengths = (max(1, round(rows * self.size / side)), max(1, round(columns * self.size / side)))
                small = centre(resize(sample, (self.depth, *lengths)), wanted)
        return np.repeat(small[..., None], self.channels, axis=-1)
