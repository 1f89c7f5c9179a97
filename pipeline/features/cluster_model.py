"""A fitted grouping of feature vectors: principal components, and one normal distribution for each cluster."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from pipeline.core.errors import UserError
from pipeline.core.ranges import PositiveFloat, PositiveInt, Seed

Covariance = Literal["full", "tied", "diag"]
Scaling = Literal["none", "unit_length"]
BLOCK = 4096  # pictures reduced at a time
MOST_FITTED = 20_000  # pictures behind the principal components
SAME = 1e-9  # share of the largest variance; a component below it is rounding
NOTHING = "there is nothing to group; choose another encoder, or other pictures"


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """How clusters are fitted, and how many.

    Args:
        algorithm: `kmeans`, Lloyd's algorithm, the best of `num_starts` (Lloyd 1982, doi:10.1109/TIT.1982.1056489);
            `mixture`, normal distributions by expectation maximisation (Dempster, Laird and Rubin 1977,
            doi:10.1111/j.2517-6161.1977.tb01600.x).
        covariance: Of a mixture: `full`, one for each cluster; `tied`, one for all; `diag`, one for each cluster
            without correlations.
        reg_covar: Of a mixture: added to each variance, as a share of the mean variance of the components.
        scaling: Of the features, before all else: `none`; `unit_length`, the vector of each picture to length 1.
        num_components: Principal components, of as many as there are.
        whiten: Whether each component is scaled to variance 1.
        num_starts: Random starts, of which the best counts.
        num_clusters: Number of clusters, at least 2; null chooses the one on which halves of the pictures agree.
        max_clusters: Largest number that is tried, at least 2.
        num_repeats: Random halvings behind each point of the curve, at least 2; 0 where the curve is not wanted.
        max_samples: Most pictures that are halved; of more, a random sample of groups, or of pictures where groups are
            large.
        seed: Of the starts and of the halvings.
    """

    algorithm: Literal["kmeans", "mixture"]
    covariance: Covariance = "full"
    reg_covar: PositiveFloat = 1e-3
    scaling: Scaling
    num_components: PositiveInt
    whiten: bool
    num_starts: PositiveInt
    num_clusters: Annotated[int, Ge(2)] | None = None
    max_clusters: Annotated[int, Ge(2)] = 12
    num_repeats: Annotated[int, Ge(0)] = 5
    max_samples: PositiveInt = 5000
    seed: Seed

    def __post_init__(self) -> None:
        if self.num_repeats < 2 and (self.num_clusters is None or self.num_repeats == 1):
            raise ValueError(
                f"num_repeats must be at least 2, or 0 where num_clusters is given, got {self.num_repeats}"
            )

    def describe(self) -> str:
        """The algorithm in words."""
        if self.algorithm == "kmeans":
            return f"k-means, the best of {self.num_starts} starts"
        return f"a mixture of normal distributions ({self.covariance} covariance)"


@dataclass(frozen=True, kw_only=True, eq=False)
class Reduction:
    """Feature vectors of length D to P principal components.

    Attributes:
        scaling: As in `ClusterOptions`.
        mean: (D,) of the scaled features.
        projection: (D, P), from scaled features less the mean to components.
    """

    scaling: Scaling
    mean: np.ndarray
    projection: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """(N, P) components of (N, D) features."""
        blocks = [features[start : start + BLOCK] for start in range(0, len(features), BLOCK)]
        nothing = np.zeros((0, self.projection.shape[1]))
        return np.concatenate([nothing, *((_scale(one, self.scaling) - self.mean) @ self.projection for one in blocks)])

    @classmethod
    def fit(cls, features: np.ndarray, options: ClusterOptions) -> Reduction:
        """Components with mean variance 1, or each with variance 1 where they are whitened; constant ones are left out.

        Args:
            features: (N, D), not all the same; of more than 20,000 a random sample is used.
            options: How they are scaled, and how many components there are.
        """
        from sklearn.decomposition import PCA

        if len(features) > MOST_FITTED:
            rows = np.random.default_rng(options.seed).choice(len(features), MOST_FITTED, replace=False)
            features = features[np.sort(rows)]
        scaled = _scale(features, options.scaling)
        num = min(options.num_components, *scaled.shape)
        fitted = PCA(num, svd_solver="covariance_eigh" if scaled.shape[1] <= scaled.shape[0] else "full").fit(scaled)
        real = fitted.explained_variance_ > SAME * fitted.explained_variance_.max()
        variances, axes = fitted.explained_variance_[real], fitted.components_[real]
        scale = np.sqrt(variances if options.whiten else np.full_like(variances, variances.mean()))
        return cls(
            scaling=options.scaling, mean=np.asarray(fitted.mean_), projection=np.asarray((axes / scale[:, None]).T)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ClusterModel:
    """K clusters of points in P principal components; the largest cluster of the fit is first.

    k-means is the mixture of equally frequent, equally wide and round normal distributions, whose variance is the mean
    squared distance to the nearest centre over P.

    Attributes:
        centres: (K, P).
        precisions: (K, P, P), or (1, P, P) where all are the same: upper triangular U with U U^T the inverse
            covariance.
        log_shares: (K,) logarithm of how frequent each cluster is taken to be.
    """

    centres: np.ndarray
    precisions: np.ndarray
    log_shares: np.ndarray

    @property
    def num_clusters(self) -> int:
        return len(self.centres)

    def log_densities(self, points: np.ndarray) -> np.ndarray:
        """(N, K) logarithm of share times density of each cluster, without the constant of the normal distribution."""
        log_roots = np.log(np.diagonal(self.precisions, axis1=1, axis2=2)).sum(axis=1)
        return np.asarray(self.log_shares + log_roots - self.squared_distances(points) / 2)

    def squared_distances(self, points: np.ndarray) -> np.ndarray:
        """(N, K) squared distance to each centre, in standard deviations of the cluster."""
        result = np.empty((len(points), self.num_clusters))
        for cluster, centre in enumerate(self.centres):
            upper = self.precisions[min(cluster, len(self.precisions) - 1)]
            result[:, cluster] = (((points - centre) @ upper) ** 2).sum(axis=1)
        return result

    def scores(self, points: np.ndarray) -> np.ndarray:
        """(N, K) float32 probability of each cluster given the (N, P) points, each row with sum 1."""
        from scipy.special import softmax

        return np.asarray(softmax(self.log_densities(points), axis=1), dtype=np.float32)

    def assign(self, points: np.ndarray) -> np.ndarray:
        """(N,) the most probable cluster, 0 to K - 1."""
        return np.asarray(self.log_densities(points).argmax(axis=1))

    def sort_by_size(self, points: np.ndarray) -> ClusterModel:
        """The same clusters, those with more of these (N, P) points first."""
        order = np.argsort(-np.bincount(self.assign(points), minlength=self.num_clusters), kind="stable")
        precisions = self.precisions if len(self.precisions) == 1 else self.precisions[order]
        return ClusterModel(centres=self.centres[order], precisions=precisions, log_shares=self.log_shares[order])


def fit_clusters(points: np.ndarray, num_clusters: int, options: ClusterOptions) -> ClusterModel:
    """The clusters of (N, P) components; the same points and options give the same clusters.

    Raises:
        UserError: There are fewer different points than clusters.
    """
    different = count_different(points, num_clusters)
    if different < num_clusters:
        raise UserError(
            f"train has {different} different pictures to group, fewer than {num_clusters} clusters; set a smaller "
            "clusters.num_clusters (--number), or add pictures"
        )
    fit = _fit_kmeans if options.algorithm == "kmeans" else _fit_mixture
    centres, precisions, log_shares = fit(points, num_clusters, options)
    return ClusterModel(centres=centres, precisions=precisions, log_shares=log_shares).sort_by_size(points)


def count_different(points: np.ndarray, most: int) -> int:
    """The number of different (N, P) points, or `most` where there are as many."""
    found: set[bytes] = set()
    for point in np.ascontiguousarray(points):
        found.add(point.tobytes())
        if len(found) >= most:
            break
    return len(found)


def refuse_unfit(features: np.ndarray, num_clusters: int | None) -> None:
    """Refuses (N, D) features that cannot be grouped, or not into so many clusters.

    Raises:
        UserError: There are no features, fewer than clusters, or all are the same or not finite.
    """
    if not len(features):
        raise UserError("train has no picture, so there is nothing to group; add pictures, or change split")
    if not np.isfinite(features).all():
        raise UserError("the features hold numbers that are not finite; choose another encoder, or pretrain it again")
    if num_clusters is not None and len(features) < num_clusters:
        raise UserError(
            f"train has {len(features):,} pictures, fewer than {num_clusters} clusters; set a smaller "
            "clusters.num_clusters (--number), or add pictures"
        )
    if not np.ptp(features, axis=0).any():
        raise UserError(
            f"all {len(features):,} pictures of train have the same features, so there is nothing to group; choose "
            "another encoder, or other pictures"
        )


def _scale(features: np.ndarray, scaling: Scaling) -> np.ndarray:
    features = np.asarray(features, np.float64)
    if scaling == "none":
        return features
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), np.finfo(np.float64).tiny))


Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


def _fit_kmeans(points: np.ndarray, num_clusters: int, options: ClusterOptions) -> Parts:
    from sklearn.cluster import KMeans

    fitted = KMeans(num_clusters, n_init=options.num_starts, random_state=options.seed).fit(points)
    variance = max(float(fitted.inertia_) / points.size, SAME)
    upper = np.eye(points.shape[1])[None] / np.sqrt(variance)
    return fitted.cluster_centers_, upper, np.full(num_clusters, -np.log(num_clusters))


def _fit_mixture(points: np.ndarray, num_clusters: int, options: ClusterOptions) -> Parts:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(
        num_clusters,
        covariance_type=options.covariance,
        reg_covar=options.reg_covar,
        n_init=options.num_starts,
        max_iter=300,
        random_state=options.seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last of 300 steps is a grouping all the same
        fitted = mixture.fit(points)
    found = fitted.precisions_cholesky_
    upper = {"full": lambda: found, "tied": lambda: found[None], "diag": lambda: _diagonal(found)}[options.covariance]()
    return fitted.means_, upper, np.log(np.maximum(fitted.weights_, np.finfo(np.float64).tiny))


def _diagonal(found: np.ndarray) -> np.ndarray:
    return found[:, :, None] * np.eye(found.shape[1])
