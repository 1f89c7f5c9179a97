"""Flips and quarter turns: the symmetries of a square, exact, without resampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from pipeline.core.contracts import Augmentation


@final
@dataclass(frozen=True, kw_only=True)
class Orthogonal(Augmentation):
    """Each sample gets one of the allowed symmetries, all equally likely, the identity among them.

    Args:
        horizontal_flip: Left and right may change places.
        vertical_flip: Top and bottom may change places.
        transpose: Rows and columns may change places; with both flips this adds the quarter turns.
    """

    horizontal_flip: bool
    vertical_flip: bool
    transpose: bool

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        allowed = (self.transpose, self.vertical_flip, self.horizontal_flip)
        draws = torch.randint(0, 2, (len(batch), 3), generator=generator, dtype=torch.bool)
        draws &= torch.tensor(allowed)
        code = (draws * torch.tensor([4, 2, 1])).sum(dim=1)
        result = torch.empty_like(batch)
        for symmetry in code.unique().tolist():
            chosen = code == symmetry
            some = batch[chosen]
            if symmetry & 4:
                some = some.transpose(2, 3)
            dims = [dim for bit, dim in ((2, 2), (1, 3)) if symmetry & bit]
            result[chosen] = some.flip(dims) if dims else some
        return result
