"""A random part of the picture, enlarged to the size of the whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, final

import torch
from annotated_types import Interval
from torch import Tensor

from pipeline.core.contracts import Augmentation


@final
@dataclass(frozen=True, kw_only=True)
class ResizedCrop(Augmentation):
    """Of each sample a rectangle at a random place becomes the whole, bilinearly.

    Args:
        min_area: The smallest share of the picture's area, above 0 to 1; the share is uniform between this and 1.
        max_stretch: The largest ratio of the two magnifications, 1 to 4; its logarithm is uniform around 0. A side that
            would be longer than the picture's is as long as it.

    Source: Szegedy et al. 2015, arXiv:1409.4842, section 6.
    """

    spatial_rank = None

    min_area: Annotated[float, Interval(gt=0, le=1)]
    max_stretch: Annotated[float, Interval(ge=1, le=4)]

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        size = len(batch)
        area, stretch, x, y = torch.rand(4, size, generator=generator)
        root = (self.min_area + (1 - self.min_area) * area).sqrt()
        ratio = torch.exp((2 * stretch - 1) * math.log(self.max_stretch) / 2)
        width, height = (root * ratio).clamp(max=1), (root / ratio).clamp(max=1)
        place = torch.zeros(size, 2, 3)
        place[:, 0, 0], place[:, 1, 1] = width, height
        place[:, 0, 2], place[:, 1, 2] = (2 * x - 1) * (1 - width), (2 * y - 1) * (1 - height)
        pixels = batch.flatten(1, -3)  # the frames of a clip as channels
        grid = torch.nn.functional.affine_grid(place, list(pixels.shape), align_corners=False)
        moved = torch.nn.functional.grid_sample(
            pixels.float(), grid, mode="bilinear", padding_mode="border", align_corners=False
        )
        return moved.round_().clamp_(0, 255).to(torch.uint8).reshape(batch.shape)
