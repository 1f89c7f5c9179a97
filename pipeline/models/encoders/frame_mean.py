"""An image encoder on each frame or slice, and the mean of its features; the order of frames does not count."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from pipeline.core.contracts import Encoder
from pipeline.core.ranges import PositiveInt
from pipeline.models.encoders.frames import check_frame_encoder, choose_frames, encode_frames


@final
class FrameMean(nn.Module, Encoder):
    """The mean over frames or slices of the features of an image encoder.

    Args:
        frame_encoder: Node of an encoder of pictures.
        max_frames: Most frames or slices that are encoded, in the middle of so many equal parts; null: all.

    Source: Karpathy et al. 2014, doi:10.1109/CVPR.2014.223, for predictions of single frames that are averaged.
    """

    spatial_rank = 3

    def __init__(self, frame_encoder: nn.Module, max_frames: PositiveInt | None = None):
        super().__init__()
        self.feature_dim = check_frame_encoder(frame_encoder)
        self.frame_encoder = frame_encoder
        self.max_frames = max_frames

    def forward(self, x: Tensor) -> Tensor:
        return encode_frames(self.frame_encoder, choose_frames(x, self.max_frames)).mean(dim=1)
