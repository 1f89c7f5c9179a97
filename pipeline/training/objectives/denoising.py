"""Denoising: the picture is reconstructed from a random view of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from pipeline.core.batches import ToTensor
from pipeline.core.objective_contracts import Objective, Pretext
from pipeline.core.ranges import PositiveInt
from pipeline.training.objectives.decoder import Reconstruction, weighted_error


@final
@dataclass(frozen=True, kw_only=True)
class Denoising(Pretext):
    """Denoising autoencoder: the features of a view must hold what the picture was before the view changed it.

    View and picture are compared at the same places, so the views must not move anything.

    Args:
        width: Channels of the decoder's last hidden layer, at least 1.

    Source: Vincent et al. 2008, doi:10.1145/1390156.1390294.
    """

    width: PositiveInt

    spatial_rank = 2
    divisible = True
    restores_views = True

    def objective(self, encoder: nn.Module, shape: tuple[int, ...]) -> Restoration:
        return Restoration(Reconstruction(encoder, shape, self.width))

    def make_rows(
        self, stored: Tensor, keys: Tensor, view: ToTensor, transform: ToTensor, generator: torch.Generator
    ) -> tuple[Tensor, ...]:
        return transform(view(stored)), transform(stored)


@final
class Restoration(nn.Module, Objective):
    """The mean squared error of all pixels.

    Args:
        network: (B, 3, H, W) views to (B, 3 x H x W) reconstructions.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def loss(self, outputs: Tensor, *facts: Tensor) -> Tensor:
        (clean,) = facts
        return weighted_error(outputs, clean, torch.ones_like(clean[:, 0]))
