"""JPEG compression, so that the quality with which a picture was stored does not give the label away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from pipeline.core.contracts import Augmentation


@final
@dataclass(frozen=True, kw_only=True)
class Compression(Augmentation):
    """Each sample is written as a JPEG of its own quality, and read.

    Args:
        min_quality: The quality is uniform between this and 100, 1 to 100.
    """

    min_quality: int

    def __post_init__(self) -> None:
        if not 1 <= self.min_quality <= 100:
            raise ValueError(f"min_quality must be 1 to 100, got {self.min_quality}")

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        qualities = torch.randint(self.min_quality, 101, (len(batch),), generator=generator).tolist()
        return torch.stack([functional.jpeg(one, quality) for one, quality in zip(batch, qualities, strict=True)])
