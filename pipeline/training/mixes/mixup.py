"""Weighted means of two pictures, and of their targets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, final

import torch
from annotated_types import Interval
from torch import Tensor
from torchvision.transforms import v2

from pipeline.core.contracts import BatchMix
from pipeline.core.rng import draw_from


@final
@dataclass(frozen=True, kw_only=True)
class Mixup(BatchMix):
    """Each picture becomes share x itself + (1 - share) x another of the batch, and its target the same.

    Args:
        alpha: The share of a batch is sampled from Beta(alpha, alpha), above 0; small values mix little.

    Source: Zhang et al. 2018, arXiv:1710.09412; by torchvision.
    """

    spatial_rank = None
    mixes = True
    alpha: Annotated[float, Interval(gt=0, lt=math.inf)]

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        with draw_from(generator):  # torchvision takes two spatial axes; the result does not depend on them
            mixed, mixed_targets = v2.MixUp(alpha=self.alpha)(images.flatten(3), targets)
        return mixed.reshape(images.shape), mixed_targets
