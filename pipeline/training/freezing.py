"""The head learns alone first, then the whole network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from torch import nn


@final
@dataclass(frozen=True, kw_only=True)
class Freezing:
    """Keeps an encoder as it is for the first epochs: a new head does not tear apart what was learnt before.

    Frozen, no parameter of the encoder has a gradient, and it runs as in prediction: statistics of batch normalisation
    stay, nothing is dropped.

    Args:
        frozen_epochs: At least 0.

    Source: Kumar et al. 2022, arXiv:2202.10054, linear probing before fine-tuning.
    """

    frozen_epochs: int

    def __call__(self, network: nn.Module, epoch: int) -> None:
        """To be called when an epoch begins or goes on, after `network.train()`; epochs count from 1."""
        learns = epoch > self.frozen_epochs
        encoder: Any = network.encoder
        encoder.requires_grad_(learns)
        encoder.train(learns)
