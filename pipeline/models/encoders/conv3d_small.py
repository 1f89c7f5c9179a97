"""A network of three convolutions over three axes, for small clips and volumes."""

from __future__ import annotations

from typing import Literal, final

from torch import Tensor, nn

from pipeline.core.contracts import Encoder
from pipeline.core.ranges import PositiveInt


@final
class Conv3dSmall(nn.Module, Encoder):
    """Three times convolution of 3 x 3 x 3, batch normalisation and ReLU; then the mean over all places.

    The first two convolutions take every second place of each axis. There is no pooling, whose backward pass on a GPU
    does not always give the same bits.

    Args:
        width: Channels of the first convolution, at least 1; the others have twice and four times as many.
        in_channels: 3, or 1 for grey samples, whose three channels are equal: the first of them is taken.
    """

    spatial_rank = 3

    def __init__(self, width: PositiveInt, in_channels: Literal[1, 3] = 3):
        super().__init__()
        layers: list[nn.Module] = []
        channels = in_channels
        for factor, stride in ((1, 2), (2, 2), (4, 1)):
            convolution = nn.Conv3d(channels, width * factor, kernel_size=3, stride=stride, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm3d(width * factor), nn.ReLU()]
            channels = width * factor
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten())
        self.in_channels, self.feature_dim = in_channels, channels

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.body(x[:, : self.in_channels])
        return features
