"""The distance to the k-th nearest picture of train, by the direction of the features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from pipeline.core.evaluation_contracts import FeatureDistance
from pipeline.core.ranges import PositiveInt
from pipeline.statistics.nearest_neighbors import l2_normalise

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

SHORTEST = 1e-12  # length of a vector that is divided by it


@final
@dataclass(frozen=True, kw_only=True)
class NearestNeighbours(FeatureDistance):
    """The distance to the k-th nearest picture of train, 0 to 2, after each feature vector is set to length 1.

    Args:
        k: Of the neighbour; the last one where train has fewer pictures.

    Source: Sun et al. 2022, Out-of-distribution detection with deep nearest neighbors, arXiv:2204.06507.
    """

    k: PositiveInt

    def fit(self, features: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        return {"directions": l2_normalise(features)}

    def measure(self, features: Tensor, fitted: Mapping[str, Tensor]) -> Tensor:
        known = fitted["directions"]
        similar = features / features.norm(dim=1, keepdim=True).clamp(min=SHORTEST) @ known.T
        nearest = similar.topk(min(self.k, known.shape[0]), dim=1).values[:, -1]
        return (2 - 2 * nearest).clamp(min=0).sqrt()
