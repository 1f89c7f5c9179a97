"""A frozen encoder and its clusters as one module of torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.features.grouping import Grouping


class ClusterModule(nn.Module):
    """(B, 3, *spatial) pictures after the transform to (B, K) log densities, whose softmax are the scores.

    Args:
        encoder: Frozen, in evaluation mode.
        grouping: Of its features.
        device: Of the encoder.
        order: (D,) positions of the features that the clusters get; None for all as they are.
    """

    mean: Tensor
    projection: Tensor
    centres: Tensor
    precisions: Tensor
    log_shares: Tensor

    def __init__(self, encoder: nn.Module, grouping: Grouping, device: torch.device, order: Tensor | None = None):
        super().__init__()
        self.encoder, self.order = encoder, order
        self.has_unit_length = grouping.reduction.scaling == "unit_length"
        for name, value in grouping.to_tensors().items():
            self.register_buffer(name, torch.from_numpy(value).float().to(device))

    def forward(self, x: Tensor) -> Tensor:
        return self.with_features(x)[0]

    def with_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, *spatial) to (B, K) log densities and the (B, D) features of the encoder."""
        features: Tensor = self.encoder(x).float()
        return self._log_densities(features if self.order is None else features[:, self.order]), features

    def _log_densities(self, features: Tensor) -> Tensor:
        if self.has_unit_length:
            features = features / features.norm(dim=1, keepdim=True).clamp(min=torch.finfo(features.dtype).tiny)
        points = (features - self.mean) @ self.projection
        apart = points[None] - self.centres[:, None]  # (K, B, P)
        squared = (apart @ self.precisions).square().sum(dim=2)
        log_roots = torch.diagonal(self.precisions, dim1=1, dim2=2).log().sum(dim=1)
        return self.log_shares + log_roots - squared.T / 2
