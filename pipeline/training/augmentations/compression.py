"""JPEG compression, so that the label cannot be learned from the quality with which a picture was stored."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Annotated, final

import numpy as np
import torch
from annotated_types import Interval
from PIL import Image
from torch import Tensor

from pipeline.core.contracts import Augmentation


@final
@dataclass(frozen=True, kw_only=True)
class Compression(Augmentation):
    """Encodes each sample, or each of its frames, as a JPEG of random quality and decodes it, by Pillow.

    Args:
        min_quality: The quality is uniform between this and 100, 1 to 100.
    """

    spatial_rank = None

    min_quality: Annotated[int, Interval(ge=1, le=100)]

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        qualities = torch.randint(self.min_quality, 101, (len(batch),), generator=generator).tolist()
        frames = batch.unsqueeze(2).flatten(2, -3).numpy()  # (B, C, T, H, W), of a picture one frame
        result = np.empty(frames.shape, dtype=np.uint8)
        for position, quality in enumerate(qualities):
            for frame in range(frames.shape[2]):
                result[position, :, frame] = _compress(frames[position, :, frame], quality)
        return torch.from_numpy(result).reshape(batch.shape)


def _compress(pixels: np.ndarray, quality: int) -> np.ndarray:
    """(1 or 3, H, W) uint8 after JPEG compression at this quality."""
    file = io.BytesIO()
    Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(file, "JPEG", quality=quality)
    decoded = np.asarray(Image.open(file))
    return decoded[None] if decoded.ndim == 2 else decoded.transpose(2, 0, 1)
