"""A network of three convolutions, for tiny pictures, quick trials and tests."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from pipeline.core.contracts import Encoder
from pipeline.core.ranges import PositiveInt


@final
class Small(nn.Module, Encoder):
    """Three times convolution, batch normalisation, ReLU and halving; then the mean over the picture.

    Args:
        width: Channels of the first convolution, at least 1; the others have twice and four times as many.
    """

    def __init__(self, width: PositiveInt):
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
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.feature_dim = channels

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.body(x)
        return features
