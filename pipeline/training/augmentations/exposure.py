"""Brightness and contrast, so that the label cannot be learned from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from pipeline.core.contracts import Augmentation
from pipeline.core.ranges import Fraction


@final
@dataclass(frozen=True, kw_only=True)
class Exposure(Augmentation):
    """Each sample becomes clip(mean + contrast x (pixel - mean) + brightness), with random numbers of its own.

    Args:
        max_brightness: The brightness added is uniform between -this and this share of the full range, 0 to 1.
        max_contrast: The factor is uniform between 1 - max_contrast and 1 + max_contrast, 0 to 1.
    """

    spatial_rank = None

    max_brightness: Fraction
    max_contrast: Fraction

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        each = (len(batch), *[1] * (batch.dim() - 1))
        noise = torch.rand(2, *each, generator=generator) * 2 - 1
        shift = noise[0] * self.max_brightness * 255
        factor = 1 + noise[1] * self.max_contrast
        pixels = batch.float()
        mean = pixels.mean(dim=tuple(range(1, batch.dim())), keepdim=True)
        pixels.sub_(mean).mul_(factor).add_(
            mean + shift
        )  # in place: allocating memory takes longer than the arithmetic
        return pixels.round_().clamp_(0, 255).to(torch.uint8)
