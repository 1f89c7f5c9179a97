"""The Mahalanobis distance to the nearest class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.evaluation_contracts import FeatureDistance
from pipeline.core.ranges import PositiveInt

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 1e-12  # variance, so that features which never vary have a distance
LEAST_SHARE = 1e-6  # of the mean variance of a feature, so that rounding is no distance, whatever the scale


@final
@dataclass(frozen=True, kw_only=True)
class Mahalanobis(FeatureDistance):
    """The distance to the mean of the nearest class, under one covariance of all classes.

    The covariance is shrunk towards a multiple of the identity, so that fewer pictures than features are enough. Its
    largest directions are kept; the others share one variance. A class is each set of labels that pictures of train
    have.

    Args:
        num_directions: Directions that are kept, at most.

    Source: Lee et al. 2018, A simple unified framework for detecting out-of-distribution samples, arXiv:1807.03888; the
        shrinkage, Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4.
    """

    num_directions: PositiveInt

    def fit(self, features: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        from sklearn.covariance import ledoit_wolf_shrinkage

        values = features.astype(np.float64)
        _, members = np.unique(targets > 0, axis=0, return_inverse=True)
        means = np.stack([values[members == one].mean(axis=0) for one in range(members.max() + 1)])
        residuals = values - means[members]
        shrinkage = float(ledoit_wolf_shrinkage(residuals, assume_centered=True))
        _, lengths, directions = np.linalg.svd(residuals / np.sqrt(len(values)), full_matrices=False)
        variances, number = lengths**2, values.shape[1]
        rank = min(self.num_directions, len(variances))
        rest = variances[rank:].sum() / max(1, number - rank)
        shrunk = (1 - shrinkage) * np.array([*variances[:rank], rest]) + shrinkage * variances.sum() / number
        precisions = 1 / np.maximum(shrunk, max(LEAST, LEAST_SHARE * values.var(axis=0).mean()))
        fitted = {
            "center": values.mean(axis=0),
            "means": means - values.mean(axis=0),
            "directions": directions[:rank],
            "precisions": precisions[:-1],
            "rest": precisions[-1:],
        }
        return {name: one.astype(np.float32) for name, one in fitted.items()}

    def measure(self, features: Tensor, fitted: Mapping[str, Tensor]) -> Tensor:
        offsets, means, directions = features - fitted["center"], fitted["means"], fitted["directions"].T
        along, of_means, scales = offsets @ directions, means @ directions, fitted["precisions"].sqrt()
        rest = (_squares(offsets, means) - _squares(along, of_means)).clamp(min=0)
        return (_squares(along * scales, of_means * scales) + rest * fitted["rest"]).min(dim=1).values.sqrt()


def _squares(left: Tensor, right: Tensor) -> Tensor:
    """(N, D) and (M, D) to (N, M) squared distances; small ones are rounded, large ones are not."""
    both = (left**2).sum(dim=1)[:, None] + (right**2).sum(dim=1)
    return (both - 2 * left @ right.T).clamp(min=0)
