"""Several random changes of a fixed list, all at one strength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import torch
from annotated_types import Interval
from torch import Tensor
from torchvision.transforms import v2

from pipeline.core.contracts import Augmentation
from pipeline.core.ranges import PositiveInt
from pipeline.core.rng import draw_from


@final
@dataclass(frozen=True, kw_only=True)
class RandAugment(Augmentation):
    """Each sample gets `num_changes` of 14 changes (shear, shift, turn, colour, tone, none), one after the other.

    Args:
        max_magnitude: Strength of each change, 1 to 30; 9 in most of the paper.
        num_changes: Changes per sample, at least 1; 2 in most of the paper.

    Source: Cubuk et al. 2020, arXiv:1909.13719; by torchvision.
    """

    spatial_rank = None

    max_magnitude: Annotated[int, Interval(ge=1, le=30)]
    num_changes: PositiveInt

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        augment = v2.RandAugment(num_ops=self.num_changes, magnitude=self.max_magnitude)
        with draw_from(generator):
            return torch.stack([augment(one.movedim(0, -3)).movedim(-3, 0) for one in batch])
