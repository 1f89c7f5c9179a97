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
        order: (D,) positions of the features that the clusters get; None for all as they are.
    """

    def __init__(self, encoder: nn.Module, grouping: Grouping, order: Tensor | None = None):
        super().__init__()
        self.encoder, self.order = encoder, order
        self.has_unit_length = grouping.reduction.scaling == "unit_length"
        tensors = {name: torch.from_numpy(value).float() for name, value in grouping.to_tensors().items()}
        self.mean, self.projection, self.centres = (tensors[name] for name in ("mean", "projection", "centres"))
        self.precisions = tensors["precisions"].expand(len(self.centres), -1, -1)
        roots = torch.diagonal(self.precisions, dim1=1, dim2=2).log().sum(dim=1)
        self.offsets = tensors["log_shares"] + roots

    def forward(self, x: Tensor) -> Tensor:
        features = self.encoder(x).float()
        if self.order is not None:
            features = features[:, self.order]
        if self.has_unit_length:
            features = features / features.norm(dim=1, keepdim=True).clamp(min=torch.finfo(features.dtype).tiny)
        points = (features - self.mean.to(x.device)) @ self.projection.to(x.device)
        apart = points[None] - self.centres.to(x.device)[:, None]  # (K, B, P)
        squared = (apart @ self.precisions.to(x.device)).square().sum(dim=2)
        return self.offsets.to(x.device) - squared.T / 2
