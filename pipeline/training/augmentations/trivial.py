"""One random change of a fixed list at a random strength, without an option to tune."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torchvision.transforms import v2

from pipeline.core.contracts import Augmentation
from pipeline.core.rng import draw_from


@final
@dataclass(frozen=True, kw_only=True)
class TrivialAugment(Augmentation):
    """Each sample gets one of 14 changes (shear, shift, turn, colour, tone, none) at a random strength.

    Source: Mueller and Hutter 2021, arXiv:2103.10158; by torchvision, the wide list.
    """

    spatial_rank = None

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        augment = v2.TrivialAugmentWide()
        with draw_from(generator):
            return torch.stack([augment(one.movedim(0, -3)).movedim(-3, 0) for one in batch])
