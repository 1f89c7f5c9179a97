"""A camera that is not level."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
from scipy import ndimage

from pipeline.core.evaluation_contracts import Corruption
from pipeline.evaluation.severities import change_frames, check_levels


@final
@dataclass(frozen=True, kw_only=True)
class Rotation(Corruption):
    """Turns each picture about its middle, to the left or to the right at random; corners are filled by reflection.

    Args:
        degrees: For each severity the angle, 0 to 180.
    """

    spatial_rank = None

    degrees: list[float]

    def __post_init__(self) -> None:
        check_levels("degrees", self.degrees, 0, 180)

    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        directions = generator.choice([-1, 1], len(images))
        degrees = self.degrees[severity - 1]
        return np.stack(
            [
                change_frames(one, partial(_turn, degrees=sign * degrees))
                for one, sign in zip(images, directions, strict=True)
            ]
        )


def _turn(pixels: np.ndarray, degrees: float) -> np.ndarray:
    """(H, W, C) uint8, by linear interpolation."""
    turned = ndimage.rotate(pixels.astype(np.float32), degrees, reshape=False, order=1, mode="reflect")
    return np.asarray(turned.round().clip(0, 255).astype(np.uint8))
