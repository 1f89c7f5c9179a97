"""An image encoder on each frame or slice, and a recurrent network over its features: CNN + LSTM, or CNN + GRU."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor, nn

from pipeline.core.contracts import Encoder
from pipeline.core.ranges import PositiveInt
from pipeline.models.encoders.frames import check_frame_encoder, encode_frames


@final
class FrameRecurrent(nn.Module, Encoder):
    """The last output of a recurrent layer that reads the features of the frames or slices one after the other.

    Args:
        frame_encoder: Node of an encoder of pictures.
        cell: `lstm` (Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735) or `gru` (Cho et al. 2014,
            arXiv:1406.1078).
        hidden_size: Length of the layer's output, at least 1.

    Source: Donahue et al. 2015, arXiv:1411.4389.
    """

    spatial_rank = 3

    def __init__(self, frame_encoder: nn.Module, cell: Literal["lstm", "gru"], hidden_size: PositiveInt):
        super().__init__()
        num_features = check_frame_encoder(frame_encoder)
        self.frame_encoder = frame_encoder
        layer = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.recurrent = layer(num_features, hidden_size, batch_first=True)
        self.feature_dim = hidden_size

    def forward(self, x: Tensor) -> Tensor:
        features = encode_frames(self.frame_encoder, x)
        cudnn = torch.backends.cudnn
        usable = cudnn.enabled and (self.training or not features.requires_grad)  # no backward pass in evaluation
        with cudnn.flags(enabled=usable, benchmark=cudnn.benchmark, deterministic=cudnn.deterministic):
            outputs: Tensor = self.recurrent(features)[0]
        return outputs[:, -1]
