"""Several chains of small changes, laid over the picture."""

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
    """AugMix: each sample is blended with three chains of one to three changes each, by random shares.

    The paper's second part, a loss that asks for the same answer to the picture and its copies, is not in it.

    Args:
        max_severity: Strongest step of a change, 1 to 10; 3 in the paper.

    Source: Hendrycks et al. 2020, arXiv:1912.02781; torchvision's.
    """

    max_severity: Annotated[int, Interval(ge=1, le=10)]

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        change = v2.AugMix(severity=self.max_severity)
        with draw_from(generator):
            return torch.stack([change(one) for one in batch])
