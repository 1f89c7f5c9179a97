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
    """Applies one of the allowed symmetries to each sample, all equally likely, including the identity.

    Args:
        horizontal_flip: Left and right may be exchanged.
        vertical_flip: Top and bottom may be exchanged.
        transpose: Rows and columns may be exchanged; with both flips this adds the quarter turns.
    """

    spatial_rank = None

    horizontal_flip: bool
    vertical_flip: bool
    transpose: bool

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        allowed = (self.transpose, self.vertical_flip, self.horizontal_flip)
        is_applied = torch.randint(0, 2, (len(batch), 3), generator=generator, dtype=torch.bool)
        is_applied &= torch.tensor(allowed)
        code = (is_applied * torch.tensor([4, 2, 1])).sum(dim=1)
        result = torch.empty_like(batch)
        for image, symmetry, changed in zip(batch, code.tolist(), result, strict=True):
            turned = image.transpose(-2, -1) if symmetry & 4 else image
            turned = turned.flip(-2) if symmetry & 2 else turned  # one axis at a time: torch has fast paths for each
            changed.copy_(turned.flip(-1) if symmetry & 1 else turned)
        return result
