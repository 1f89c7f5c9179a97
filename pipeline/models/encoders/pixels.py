"""The pixels of the reduced picture."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from pipeline.core.contracts import Encoder
from pipeline.core.ranges import PositiveInt


@final
class Pixels(nn.Module, Encoder):
    """The means of side x side equal parts of the picture, per channel, as one vector.

    Args:
        side: Side of the reduced picture, at least 1.
        grey: Reduce to one channel, the mean of the three.
    """

    def __init__(self, side: PositiveInt, grey: bool):
        super().__init__()
        self.side, self.grey = side, grey
        self.feature_dim = side * side * (1 if grey else 3)

    def forward(self, x: Tensor) -> Tensor:
        small = adaptive_avg_pool2d(x, self.side)
        return (small.mean(dim=1) if self.grey else small).flatten(1)
