"""A rectangle of another picture pasted into each, and the targets mixed by area."""

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
class Cutmix(BatchMix):
    """A rectangle of the area 1 - share comes from another picture of the batch; the target is mixed by the final area.

    Of clips and volumes it is the same rectangle of every frame or slice.

    Args:
        alpha: The share of a batch is sampled from Beta(alpha, alpha), above 0; with 1 it is uniform.

    Source: Yun et al. 2019, arXiv:1905.04899; by torchvision.
    """

    spatial_rank = None
    mixes = True
    alpha: Annotated[float, Interval(gt=0, lt=math.inf)]

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        with draw_from(generator):
            mixed, mixed_targets = v2.CutMix(alpha=self.alpha)(images.flatten(1, -3), targets)  # frames as channels
        return mixed.reshape(images.shape), mixed_targets
