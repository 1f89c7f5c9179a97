"""Colour histogram: the share of each colour in a picture, regardless of position."""

from __future__ import annotations

from typing import Annotated, final

import torch
from annotated_types import Interval
from torch import Tensor, nn

from pipeline.core.contracts import Encoder
from pipeline.core.errors import UserError

SLACK = 1e-5  # tolerance for rounding


@final
class ColorHistogram(nn.Module, Encoder):
    """Joint histogram of the three channels; each feature is the square root of a share (Hellinger distance).

    Args:
        num_bins: Bins of each channel, 2 to 16; the values of pictures are 0 to 1.

    Source: Swain and Ballard 1991, doi:10.1007/BF00130487; the root, Arandjelovic and Zisserman 2012,
        doi:10.1109/CVPR.2012.6248018.
    """

    spatial_rank = None

    def __init__(self, num_bins: Annotated[int, Interval(ge=2, le=16)]):
        super().__init__()
        self.num_bins = num_bins
        self.feature_dim = num_bins**3

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_meta and (x.min() < -SLACK or x.max() > 1 + SLACK):
            raise UserError(
                "encoder=color_histogram takes pictures with values from 0 to 1, found others; set transform=unit"
            )
        bins = (x * self.num_bins).long().clamp(0, self.num_bins - 1)
        code = ((bins[:, 0] * self.num_bins + bins[:, 1]) * self.num_bins + bins[:, 2]).flatten(1)
        counts = torch.zeros(len(x), self.feature_dim, device=x.device)
        counts.scatter_add_(1, code, torch.ones_like(code, dtype=counts.dtype))
        return (counts / code.shape[1]).sqrt()
