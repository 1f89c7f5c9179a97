"""Training of the head alone for the first epochs, then of the whole network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from torch import nn


@final
@dataclass(frozen=True, kw_only=True)
class Freezing:
    """Freezes the encoder for the first epochs, so that a new head does not distort its pretrained features.

    A frozen encoder has no gradients, and it runs as in prediction: the statistics of batch normalisation stay the
    same, and there is no dropout.

    Args:
        frozen_epochs: Number of these epochs, at least 0.

    Source: Kumar et al. 2022, arXiv:2202.10054, linear probing before fine-tuning.
    """

    frozen_epochs: int

    def __call__(self, network: nn.Module, epoch: int) -> None:
        """Freezes or unfreezes the encoder; call it after `network.train()` when an epoch, counted from 1, starts."""
        is_trained = epoch > self.frozen_epochs
        encoder: Any = network.encoder
        encoder.requires_grad_(is_trained)
        encoder.train(is_trained)
