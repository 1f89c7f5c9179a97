"""Several chains of small changes, blended with the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import torch
from annotated_types import Interval
from torch import Tensor
from torchvision.transforms import v2

from pipeline.core.contracts import Augmentation
from pipeline.core.rng import draw_from


@final
@dataclass(frozen=True, kw_only=True)
class MixedChains(Augmentation):
    """AugMix: each sample is blended with three chains of one to three changes each, in random shares.

    The consistency loss of the paper is not included.

    Args:
        max_severity: Strongest step of a change, 1 to 10; 3 in the paper.

    Source: Hendrycks et al. 2020, arXiv:1912.02781; by torchvision.
    """

    spatial_rank = None

    max_severity: Annotated[int, Interval(ge=1, le=10)]

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        augment = v2.AugMix(severity=self.max_severity)
        with draw_from(generator):
            return torch.stack([augment(one.movedim(0, -3)[None])[0].movedim(-3, 0) for one in batch])
