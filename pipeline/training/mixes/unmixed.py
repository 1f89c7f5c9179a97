"""No mixing of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from pipeline.core.contracts import BatchMix


@final
@dataclass(frozen=True, kw_only=True)
class Unmixed(BatchMix):
    """The batch as it is; the generator is not used."""

    spatial_rank = None
    mixes = False

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return images, targets
