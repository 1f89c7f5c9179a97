"""Small displacements: the picture moves, its edge is reflected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.nn.functional import pad

from pipeline.core.contracts import Augmentation


@final
@dataclass(frozen=True, kw_only=True)
class Shift(Augmentation):
    """Moves each sample by whole pixels, up to a fraction of its side, both ways and in both directions.

    Args:
        max_fraction: Of the side, 0 to 0.5.
    """

    max_fraction: float

    def __post_init__(self) -> None:
        if not 0 <= self.max_fraction <= 0.5:
            raise ValueError(f"max_fraction must be 0 to 0.5, got {self.max_fraction}")

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        height, width = batch.shape[2:]
        reach = round(self.max_fraction * min(height, width))
        if reach == 0:
            return batch
        wide = pad(batch.float(), [reach] * 4, mode="reflect").to(torch.uint8)
        starts = torch.randint(0, 2 * reach + 1, (len(batch), 2), generator=generator).tolist()
        return torch.stack(
            [one[:, top : top + height, left : left + width] for one, (top, left) in zip(wide, starts, strict=True)]
        )
