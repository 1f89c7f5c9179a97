"""A network of three convolutions, for tiny pictures, quick trials and tests."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from pipeline.core.contracts import Encoder
from pipeline.core.ranges import PositiveInt


@final
class Small(nn.Module, Encoder):
    """Three times convolution, batch normalisation, ReLU and halving; then the mean over the picture.

    Args:
        width: Channels of the first convolution, at least 1; the others have twice and four times as many.
        grid: 1: the mean over the whole picture. More: over each of grid x grid equal parts, so that the features say
            where something is; a network that reads them frame by frame needs that to see a movement.
    """

    def __init__(self, width: PositiveInt, grid: PositiveInt = 1):
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for factor in (1, 2, 4):
            layers += [
                nn.Conv2d(channels, width * factor, kernel_size=3, padding=1, bias=False),
                nn.BatchNorm2d(width * factor),
                nn.ReLU(),
                nn.MaxPool2d(2, ceil_mode=True),
            ]
            channels = width * factor
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1) if grid == 1 else GridMean(grid), nn.Flatten())
        self.feature_dim = channels * grid**2

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.body(x)
        return features


@final
class GridMean(nn.Module):
    """The means of grid x grid parts of a picture; its backward pass gives the same bits on a GPU, too.

    Args:
        grid: Parts of a side, at least 1; they overlap where the side is no multiple of it.
    """

    def __init__(self, grid: int):
        super().__init__()
        self.grid = grid

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = (self._parts(length, x) for length in x.shape[-2:])
        return rows @ x @ columns.T

    def _parts(self, length: int, like: Tensor) -> Tensor:
        """(grid, length) weights, each row with sum 1."""
        place = torch.arange(length)
        ends = [(part * length // self.grid, -(-(part + 1) * length // self.grid)) for part in range(self.grid)]
        found = torch.stack([((place >= start) & (place < end)) / (end - start) for start, end in ends])
        return found.to(device=like.device, dtype=like.dtype)
