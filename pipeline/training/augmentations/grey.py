"""Pictures without colour, so that it counts for less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from pipeline.core.contracts import Augmentation
from pipeline.core.ranges import Fraction


@final
@dataclass(frozen=True, kw_only=True)
class Grey(Augmentation):
    """A random part of the samples loses its colour: each channel becomes the luma (ITU-R BT.601).

    Pictures of one channel stay as they are.

    Args:
        share: Probability of each sample, 0 to 1.

    Source: Chen et al. 2020, arXiv:2002.05709, appendix A.
    """

    spatial_rank = None

    share: Fraction

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        is_grey = torch.rand(len(batch), generator=generator) < self.share
        if batch.shape[1] == 1:
            return batch
        pixels = batch.flatten(2, -2)  # the frames of a clip under one another, as one high picture
        changed = pixels.clone()
        changed[is_grey] = functional.rgb_to_grayscale(pixels[is_grey], num_output_channels=3)
        return changed.reshape(batch.shape)
