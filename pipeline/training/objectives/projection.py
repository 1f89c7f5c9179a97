"""An encoder and a projection, whose outputs contrastive objectives compare."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn


class Projected(nn.Module):
    """(B, 3, *spatial) pictures to (B, projection_dim) outputs: the encoder, one hidden layer, a linear one.

    Source: Chen et al. 2020, arXiv:2002.05709, section 4.2: the loss is better computed on a projection of the features
    than on the features themselves.

    Args:
        encoder: An `Encoder`.
        projection_dim: Length of the outputs, at least 1.
        hidden_dim: Of the hidden layer; None: as long as the features.
        normalise: Whether the hidden layer is batch-normalised. Several processes without a GPU normalise each by its
            share.
    """

    def __init__(self, encoder: nn.Module, projection_dim: int, hidden_dim: int | None = None, normalise: bool = True):
        super().__init__()
        self.encoder = encoder
        self.head = make_projection(int(cast(int, encoder.feature_dim)), projection_dim, hidden_dim, normalise)

    def forward(self, x: Tensor) -> Tensor:
        projections: Tensor = self.head(self.encoder(x))
        return projections


def make_projection(
    input_dim: int, output_dim: int, hidden_dim: int | None = None, normalise: bool = True
) -> nn.Module:
    """(B, input_dim) to (B, output_dim): linear, batch normalisation, ReLU, linear."""
    hidden = hidden_dim or input_dim
    normalisation: list[nn.Module] = [nn.BatchNorm1d(hidden)] if normalise else []
    return nn.Sequential(
        nn.Linear(input_dim, hidden, bias=not normalise), *normalisation, nn.ReLU(), nn.Linear(hidden, output_dim)
    )
