"""Blur, so that the label cannot be learned from sharpness, noise or resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, final

import torch
from annotated_types import Interval
from torch import Tensor
from torchvision.transforms.v2 import functional

from pipeline.core.contracts import Augmentation

LEAST = 0.05  # of a pixel; a narrower Gaussian changes nothing


@final
@dataclass(frozen=True, kw_only=True)
class Blur(Augmentation):
    """Blurs each sample with a Gaussian of random width, every frame or slice alike.

    Args:
        max_sigma: The standard deviation is uniform between 0 and this share of the shorter side, above 0 to 0.1.
    """

    spatial_rank = None

    max_sigma: Annotated[float, Interval(gt=0, le=0.1)]

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        side = min(batch.shape[-2:])
        sigmas = torch.rand(len(batch), generator=generator) * self.max_sigma * side
        return torch.stack(
            [
                functional.gaussian_blur(one, [_size(sigma, side)] * 2, [sigma]) if sigma > LEAST else one
                for one, sigma in zip(batch, sigmas.tolist(), strict=True)
            ]
        )


def _size(sigma: float, side: int) -> int:
    """Side of the kernel in pixels: three standard deviations each way, as far as reflection at the edge allows."""
    return 2 * min(math.ceil(3 * sigma), side - 1) + 1
