"""Strong JPEG compression, as by a messenger or a slow network."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import final

import numpy as np
from PIL import Image

from pipeline.core.evaluation_contracts import Corruption
from pipeline.evaluation.severities import change_frames, check_levels, scale_to_side


@final
@dataclass(frozen=True, kw_only=True)
class Compression(Corruption):
    """Stores as JPEG and reads again.

    Args:
        qualities: For each severity the quality of JPEG where the shorter side is 224 pixels, 1 to 100. The step
            between two levels that it stands for changes with the side to the power of 0.85: a block has 8 pixels, and
            so more of the object in a smaller picture.

    Source: Hendrycks and Dietterich 2019, arXiv:1903.12261; with this power the steps are within 38 % of those of
        their sets of 64 pixels (qualities 65 to 25) and 32 pixels (80 to 40).
    """

    spatial_rank = None

    qualities: list[int]

    def __post_init__(self) -> None:
        check_levels("qualities", self.qualities, 1, 100)

    def __call__(self, images: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
        quality = adapt_quality(self.qualities[severity - 1], scale_to_side(images, 0.85))
        return np.stack([change_frames(one, lambda frame: _compress(frame, quality)) for one in images])


def adapt_quality(quality: int, factor: float) -> int:
    """The quality, 1 to 100, whose steps between levels are `factor` times those of another quality.

    Source: libjpeg, jpeg_quality_scaling: the table of steps is scaled by 5000 / quality % below 50, else by
        200 - 2 x quality %.
    """
    scaled = factor * (5000 / quality if quality < 50 else 200 - 2 * quality)
    return round(min(100.0, max(1.0, 5000 / scaled if scaled > 100 else 100 - scaled / 2)))


def _compress(pixels: np.ndarray, quality: int) -> np.ndarray:
    """(H, W, 1 or 3) uint8."""
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).reshape(pixels.shape)
