"""Feature vectors grouped: the clusters, and how their number was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.features.cluster_model import ClusterModel, ClusterOptions, Reduction, fit_clusters, refuse_unfit
from pipeline.features.cluster_stability import Stability, choose_number, is_stable, stability_curve

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

TENSORS = ("mean", "projection", "centres", "precisions", "log_shares")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Grouping:
    """Clusters of feature vectors of length D.

    Attributes:
        reduction: From features to principal components.
        model: Of the components; the largest cluster of the fit is first.
        algorithm: In words.
        num_fitted: Vectors that it was fitted to.
        is_chosen: Whether the number of clusters was chosen by stability; else it was given.
        curve: Stability of each number of clusters; empty where it was not measured.
    """

    reduction: Reduction
    model: ClusterModel
    algorithm: str
    num_fitted: int
    is_chosen: bool
    curve: list[Stability]

    @classmethod
    def fit(
        cls,
        features: np.ndarray,
        groups: np.ndarray,
        options: ClusterOptions,
        advance: Callable[[], None] = lambda: None,
    ) -> Grouping:
        """The clusters of (N, D) features of N samples.

        Args:
            features: Of train.
            groups: (N,) of the samples; a half holds whole groups.
            options: How.
            advance: Called after each halving of the stability curve.

        Raises:
            UserError: They cannot be grouped, or not into so many clusters.
        """
        refuse_unfit(features, options.num_clusters)
        reduction = Reduction.fit(features, options)
        points = reduction(features)
        curve = []
        if options.num_repeats:
            candidates = range(2, max(options.max_clusters, options.num_clusters or 2) + 1)
            curve = stability_curve(
                points, groups, candidates, options, options.num_repeats, options.max_samples, advance
            )
        if options.num_clusters is None and not curve:
            raise UserError(
                "half of train has fewer than 2 different pictures, or all are of one group: too few to choose a "
                "number of clusters; set clusters.num_clusters (--number), or add pictures"
            )
        return cls(
            reduction=reduction,
            model=fit_clusters(points, options.num_clusters or choose_number(curve), options),
            algorithm=options.describe(),
            num_fitted=len(features),
            is_chosen=options.num_clusters is None,
            curve=curve,
        )

    @property
    def names(self) -> list[str]:
        """`cluster 1`, `cluster 2`, ..."""
        return [f"cluster {position + 1}" for position in range(self.model.num_clusters)]

    @property
    def stability(self) -> Estimate | None:
        """The agreement of halves on this number of clusters; None where it was not measured."""
        number = self.model.num_clusters
        return next((one.agreement for one in self.curve if one.num_clusters == number), None)

    @property
    def is_stable(self) -> bool | None:
        """Whether halves of the samples mostly find the same clusters; None where that was not measured."""
        return None if self.stability is None else is_stable(self.curve, self.model.num_clusters)

    def scores(self, features: np.ndarray) -> np.ndarray:
        """(N, K) float32 probability of each cluster for (N, D) features."""
        return self.model.scores(self.reduction(features))

    def to_tensors(self) -> dict[str, np.ndarray]:
        """The numbers, float64, by the names of `TENSORS`."""
        owners = dict.fromkeys(TENSORS[:2], self.reduction) | dict.fromkeys(TENSORS[2:], self.model)
        return {name: np.ascontiguousarray(getattr(owner, name), np.float64) for name, owner in owners.items()}

    def to_card(self) -> JsonObject:
        """All but the numbers of `to_tensors`."""
        return {
            "scaling": self.reduction.scaling,
            "algorithm": self.algorithm,
            "num_fitted": self.num_fitted,
            "is_chosen": self.is_chosen,
            "curve": [{"num_clusters": one.num_clusters, **one.agreement.to_json()} for one in self.curve],
        }

    @classmethod
    def of(cls, tensors: dict[str, np.ndarray], card: JsonObject) -> Grouping:
        """The inverse of `to_tensors` and `to_card`.

        Raises:
            KeyError, TypeError, ValueError: They do not belong together.
        """
        mean, projection, centres, precisions, log_shares = (tensors[name] for name in TENSORS)
        num, points = centres.shape
        fits = mean.shape == projection.shape[:1] and projection.shape[1:] == (points,) and log_shares.shape == (num,)
        if not fits or precisions.shape not in {(num, points, points), (1, points, points)}:
            raise ValueError("the shapes of the clusters do not fit each other")
        if not all(np.isfinite(tensors[name]).all() for name in TENSORS):
            raise ValueError("a number of the clusters is not finite")
        if card["scaling"] not in ("none", "unit_length"):
            raise ValueError(f"scaling must be none or unit_length, got {card['scaling']!r}")
        return cls(
            reduction=Reduction(scaling=card["scaling"], mean=mean, projection=projection),
            model=ClusterModel(centres=centres, precisions=precisions, log_shares=log_shares),
            algorithm=str(card["algorithm"]),
            num_fitted=int(card["num_fitted"]),
            is_chosen=bool(card["is_chosen"]),
            curve=[
                Stability(num_clusters=int(one["num_clusters"]), agreement=Estimate.from_json(one))
                for one in card["curve"]
            ],
        )
