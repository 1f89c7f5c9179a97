"""A constant feature, which ignores the picture; for baselines."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from pipeline.core.contracts import Encoder


@final
class Constant(nn.Module, Encoder):
    """One feature, which is 0 for every sample."""

    spatial_rank = None

    def __init__(self) -> None:
        super().__init__()
        self.feature_dim = 1

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), 1, device=x.device)
