"""Histograms of oriented gradients: edges by direction and position, without training."""

from __future__ import annotations

import math
from typing import Annotated, final

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from pipeline.core.contracts import Encoder
from pipeline.core.errors import UserError


@final
class Hog(nn.Module, Encoder):
    """Cells of gradient directions, weighted by strength, normalised over overlapping blocks of 2 x 2 cells (L2-Hys).

    Args:
        image_size: Side of the pictures in pixels, a multiple of `cell`.
        cell: Side of a cell in pixels, at least 2.
        num_orientations: Bins of the gradient direction over half a turn, at least 2.

    Source: Dalal and Triggs 2005, doi:10.1109/CVPR.2005.177.
    """

    def __init__(self, image_size: int, cell: int, num_orientations: Annotated[int, Ge(2)]):
        super().__init__()
        if cell < 2 or image_size < 2 * cell or image_size % cell:
            raise ValueError(
                f"image_size must be a multiple of cell and at least two cells, got {image_size} and {cell}"
            )
        self.image_size, self.cell, self.num_orientations = image_size, cell, num_orientations
        self.feature_dim = (image_size // cell - 1) ** 2 * 4 * num_orientations

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2:] != (self.image_size, self.image_size):
            raise UserError(
                f"encoder=hog takes {self.image_size} x {self.image_size} pixels, found {x.shape[2]} x {x.shape[3]}; "
                "set only image_size, which encoder and transform follow"
            )
        grey = x.mean(dim=1)
        down, across = torch.zeros_like(grey), torch.zeros_like(grey)
        down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
        across[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
        turn = torch.atan2(down, across).remainder(math.pi) / math.pi * self.num_orientations
        direction = turn.long().clamp(max=self.num_orientations - 1)
        votes = nn.functional.one_hot(direction, self.num_orientations) * torch.hypot(down, across)[..., None]
        cells = avg_pool2d(votes.permute(0, 3, 1, 2), self.cell)
        parts = [cells[:, :, :-1, :-1], cells[:, :, :-1, 1:], cells[:, :, 1:, :-1], cells[:, :, 1:, 1:]]
        blocks = torch.cat(parts, dim=1)
        for largest in (0.2, 1.0):
            blocks = (blocks / (blocks.norm(dim=1, keepdim=True) + 1e-5)).clamp(max=largest)
        return blocks.flatten(1)
