"""The form in which pictures are stored for a network: squares of one size, all with as many channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
from PIL import Image, ImageOps

from pipeline.core.open_types import JsonObject
from pipeline.core.sample_codec import StorageFormat


@final
@dataclass(frozen=True, kw_only=True)
class SquareFormat(StorageFormat):
    """How a decoded picture becomes a row of packed arrays.

    Args:
        size: Side of the square in pixels.
        fit: `crop` (shorter side to size, centre kept), `pad` (longer side to size, edges black) or `stretch`.
        channels: 1 or 3; grey is repeated where colour is stored.
    """

    size: int
    fit: Literal["crop", "pad", "stretch"]
    channels: int

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> SquareFormat:
        """The format that a predictor's card describes."""
        return cls(**{name: card[name] for name in ("size", "fit", "channels")})

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size, self.size, self.channels)

    def for_card(self) -> JsonObject:
        return {"size": self.size, "channels": self.channels, "fit": self.fit}

    def convert(self, sample: np.ndarray) -> np.ndarray:
        small = resize(sample, self.size, self.fit)
        if self.channels == 1 and small.ndim == 3:
            small = np.asarray(Image.fromarray(small).convert("L"))
        if small.ndim == 2:
            small = small[:, :, None]
        return np.repeat(small, self.channels, axis=2) if small.shape[2] < self.channels else small


def resize(array: np.ndarray, size: int, fit: str) -> np.ndarray:
    """A square copy with antialiasing.

    Args:
        array: (H, W) or (H, W, 3) uint8.
        size: Side of the result in pixels.
        fit: `crop` (shorter side to size, centre kept), `pad` (longer side to size, edges black) or `stretch`.

    Returns:
        (size, size) or (size, size, 3) uint8.
    """
    image = Image.fromarray(array)
    method = Image.Resampling.BILINEAR if min(image.size) > size else Image.Resampling.BICUBIC
    if fit == "crop":
        return np.asarray(ImageOps.fit(image, (size, size), method))
    if fit == "pad":
        return np.asarray(ImageOps.pad(image, (size, size), method))
    return np.asarray(image.resize((size, size), method))
