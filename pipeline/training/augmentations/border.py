"""A border of random width and grey, so that the label cannot be learned from border, corners or marks in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import torch
from annotated_types import Interval
from torch import Tensor

from pipeline.core.contracts import Augmentation


@final
@dataclass(frozen=True, kw_only=True)
class Border(Augmentation):
    """Covers the border of each sample in one random grey, with a random width on each of the four sides.

    Args:
        max_fraction: Each width is uniform between 0 and this share of the side, above 0 to 0.4.
    """

    spatial_rank = None

    max_fraction: Annotated[float, Interval(gt=0, le=0.4)]

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        height, width = batch.shape[-2:]
        reach = torch.tensor([height, height, width, width]) * self.max_fraction
        margins = (torch.rand(len(batch), 4, generator=generator) * (reach + 1)).floor().clamp(max=reach).long()
        grey = torch.randint(0, 256, (len(batch), 1, 1, 1), generator=generator).to(torch.uint8)
        top, bottom, left, right = margins[:, :, None].unbind(dim=1)
        rows, columns = torch.arange(height), torch.arange(width)
        inner_rows = (rows >= top) & (rows < height - bottom)
        inner_columns = (columns >= left) & (columns < width - right)
        inner = (inner_rows[:, :, None] & inner_columns[:, None, :])[:, None]
        return torch.where(inner, batch.flatten(1, -3), grey).reshape(batch.shape)
