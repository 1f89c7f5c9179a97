"""Contrastive learning on two views of each picture, which must be more alike than views of different pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from pipeline.core.batches import ToTensor
from pipeline.core.objective_contracts import Objective, Positives, Pretext
from pipeline.core.ranges import PositiveFloat, PositiveInt
from pipeline.training.objectives.projection import Projected


@final
@dataclass(frozen=True, kw_only=True)
class SimClr(Pretext):
    """NT-Xent: the softmax over the cosines with all other views of a batch must find the view of the same picture.

    Args:
        temperature: By which cosines are divided, above 0; a lower one minds the most alike of the other pictures more.
        projection_dim: Length of the vectors that are compared, at least 1.
        positives: `view`: two views of one picture belong together; `group`: views of two pictures of one group
            (Azizi et al. 2021, arXiv:2101.05224).

    Source: Chen et al. 2020, arXiv:2002.05709, and van den Oord et al. 2018, arXiv:1810.03748, for the loss.
    """

    temperature: PositiveFloat
    projection_dim: PositiveInt
    positives: Positives

    num_views = 2

    def objective(self, encoder: nn.Module, shape: tuple[int, ...]) -> NTXent:
        return NTXent(Projected(encoder, self.projection_dim), self.temperature)

    def make_rows(
        self, stored: Tensor, keys: Tensor, view: ToTensor, transform: ToTensor, generator: torch.Generator
    ) -> tuple[Tensor, ...]:
        return transform(view(stored)), keys


@final
class NTXent(nn.Module, Objective):
    """The loss of pytorch-metric-learning over all pairs of rows of equal keys.

    Args:
        network: (B, ...) pictures to (B, D) outputs.
        temperature: Above 0.
    """

    def __init__(self, network: nn.Module, temperature: float):
        super().__init__()
        from pytorch_metric_learning.losses import SupConLoss

        self.network = network
        self.compare = SupConLoss(temperature=temperature)

    def loss(self, outputs: Tensor, *facts: Tensor) -> Tensor:
        (keys,) = facts
        loss: Tensor = self.compare(outputs, keys)
        return loss
