"""Saturation, hue and the colour of the light, so that the label cannot be learned from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import torch
from annotated_types import Interval
from torch import Tensor
from torchvision.transforms.v2 import functional

from pipeline.core.contracts import Augmentation
from pipeline.core.ranges import Fraction


@final
@dataclass(frozen=True, kw_only=True)
class Colour(Augmentation):
    """Changes saturation, hue and colour of the light of each sample at random; one-channel pictures stay as they are.

    Args:
        max_saturation: The factor is uniform between 1 - this and 1 + this, 0 to 1.
        max_hue: The shift of the hue is uniform between -this and this share of the colour circle, 0 to 0.5.
        max_cast: Each channel is multiplied by its own factor between 1 - this and 1 + this, 0 to 1.
    """

    spatial_rank = None

    max_saturation: Fraction
    max_hue: Annotated[float, Interval(ge=0, le=0.5)]
    max_cast: Fraction

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.rand(len(batch), 5, generator=generator) * 2 - 1
        if batch.shape[1] == 1:
            return batch
        light = 1 + noise[:, 2:, None, None] * self.max_cast
        pixels = batch.flatten(2, -2)  # the frames of a clip under one another, as one high picture
        lit = (pixels.float() * light).round_().clamp_(0, 255).to(torch.uint8)
        turns = noise[:, :2] * torch.tensor([self.max_saturation, self.max_hue])
        changed = [
            functional.adjust_hue(functional.adjust_saturation(one, 1 + saturation), hue)
            for one, (saturation, hue) in zip(lit, turns.tolist(), strict=True)
        ]
        return torch.stack(changed).reshape(batch.shape)
