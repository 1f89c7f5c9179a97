"""Pictures grouped without labels: the clusters, how stable they are, and what they turn out to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from annotated_types import Ge

from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.core.open_types import JsonObject
from pipeline.core.ranges import PositiveFloat, PositiveInt, Seed
from pipeline.evaluation.cluster_agreement import agreement, label_texts
from pipeline.evaluation.cluster_findings import ClusterFinding, find_columns
from pipeline.features.cluster_model import (
    ClusterModel,
    ClusterOptions,
    Covariance,
    Reduction,
    Scaling,
    fit_clusters,
    refuse_unfit,
)
from pipeline.features.cluster_stability import Stability, choose_number, is_stable, sample_groups, stability_curve
from pipeline.statistics.bootstrap import Bootstrap

FITTED = ("train", "pool")  # splits that clusters are fitted to
UNSEEN = "val"  # test is assigned, and never compared with its labels
MOST_LABELS = 3  # of a cluster, in its summary


@dataclass(frozen=True, kw_only=True)
class Options:
    """The section `clusters` of the parameters.

    Args:
        algorithm: `kmeans` or `mixture`; see `ClusterOptions`, also for the next ones.
        covariance: Of a mixture: `full`, `tied` or `diag`.
        reg_covar: Of a mixture: added to each variance, as a share of the mean variance.
        scaling: Of the features: `unit_length` or `none`.
        num_components: Principal components, of as many as there are.
        whiten: Whether each component is scaled to variance 1.
        num_starts: Random starts, of which the best counts.
        num_clusters: Number of clusters, at least 2; null chooses the one on which halves of the pictures agree.
        max_clusters: Largest number that is tried, at least 2.
        num_repeats: Random halvings behind each point of the curve, at least 2; 0 where the curve is not wanted.
        max_samples: Most pictures that are halved, and that are compared with attributes and properties; of more, a
            random sample of groups, or of pictures where groups are large.
        num_permutations: Of the clusters, for the table of what they found, at least 39.
        num_resamples: Bootstrap resamples behind each interval, where there are more than 100 groups.
        num_pictures: Pictures nearest to the centre of each cluster that the page shows, and as many at its border.
        seed: Of all that is random.
    """

    algorithm: Literal["kmeans", "mixture"]
    covariance: Covariance
    reg_covar: PositiveFloat
    scaling: Scaling
    num_components: PositiveInt
    whiten: bool
    num_starts: PositiveInt
    num_clusters: Annotated[int, Ge(2)] | None
    max_clusters: Annotated[int, Ge(2)]
    num_repeats: Annotated[int, Ge(0)]
    max_samples: PositiveInt
    num_permutations: Annotated[int, Ge(39)]
    num_resamples: Annotated[int, Ge(100)]
    num_pictures: PositiveInt
    seed: Seed

    def __post_init__(self) -> None:
        if self.num_repeats < 2 and (self.num_clusters is None or self.num_repeats == 1):
            raise ValueError(
                f"num_repeats must be at least 2, or 0 where num_clusters is given, got {self.num_repeats}"
            )

    @property
    def fit(self) -> ClusterOptions:
        return ClusterOptions(
            algorithm=self.algorithm,
            covariance=self.covariance,
            reg_covar=self.reg_covar,
            scaling=self.scaling,
            num_components=self.num_components,
            whiten=self.whiten,
            num_starts=self.num_starts,
            seed=self.seed,
        )


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One cluster.

    Attributes:
        name: `cluster 1` is the largest, of the pictures that the clusters were fitted to.
        size: Pictures assigned to it.
        labels: The most frequent labels of those that may be looked at, each with its share of them.
        nearest: sample_id of the pictures nearest to its centre, the nearest first.
        border: sample_id of its pictures for which another cluster is almost as probable, the closest first.
    """

    name: str
    size: int
    labels: dict[str, float]
    nearest: list[str]
    border: list[str]


@dataclass(frozen=True, kw_only=True)
class ClusterReport:
    """What `reports/clusters.json` holds.

    Attributes:
        source: Name of the data set.
        features: What the pictures were grouped by, in words.
        algorithm: In words.
        num_fitted: Pictures that the clusters were fitted to.
        num_assigned: Pictures that were assigned.
        is_chosen: Whether the number of clusters was chosen by stability; else it was given.
        is_stable: Whether halves of the pictures mostly find the same clusters; None where that was not measured.
        curve: Stability of each number of clusters.
        clusters: The largest first.
        figures: `fitted` and `val`: the clusters compared with labels, where there are some.
        findings: What goes with the clusters, the strongest first.
    """

    source: str
    features: str
    algorithm: str
    num_fitted: int
    num_assigned: int
    is_chosen: bool
    is_stable: bool | None
    curve: list[Stability]
    clusters: list[Cluster]
    figures: dict[str, dict[str, Estimate]]
    findings: list[ClusterFinding]

    def to_json(self) -> JsonObject:
        return {
            **{name: getattr(self, name) for name in ("source", "features", "algorithm", "num_fitted", "num_assigned")},
            "num_clusters": len(self.clusters),
            "is_chosen": self.is_chosen,
            "is_stable": self.is_stable,
            "curve": [{"num_clusters": one.num_clusters, **one.agreement.to_json()} for one in self.curve],
            "clusters": [asdict(one) for one in self.clusters],
            "figures": {
                part: {name: one.to_json() for name, one in found.items()} for part, found in self.figures.items()
            },
            "findings": [one.to_json() for one in self.findings],
        }


def group_pictures(
    samples: pd.DataFrame,
    features: np.ndarray,
    options: Options,
    source: str,
    described: str,
    advance: Callable[[], None] = lambda: None,
) -> tuple[ClusterReport, pd.DataFrame]:
    """The report, and a row for each sample: `sample_id`, `split`, `cluster` and `score`, the probability of it.

    Labels change no cluster. Those of test are not looked at.

    Args:
        samples: N rows of the manifest with `split` and the joined `group`.
        features: (N, D) of the samples.
        options: How they are grouped.
        source: Name of the data set.
        described: What the features are, in words.
        advance: Called after each halving of the stability curve.

    Raises:
        UserError: The pictures cannot be grouped, or not into so many clusters.
    """
    samples = samples.reset_index(drop=True)
    fitted = samples["split"].isin(FITTED).to_numpy()
    chosen, groups = features[fitted], samples["group"].to_numpy(dtype=str)
    refuse_unfit(chosen, options.num_clusters)
    reduction = Reduction.fit(chosen, options.fit)
    points = reduction(features)
    curve = []
    if options.num_repeats:
        curve = stability_curve(
            points[fitted],
            groups[fitted],
            range(2, max(options.max_clusters, options.num_clusters or 2) + 1),
            options.fit,
            options.num_repeats,
            options.max_samples,
            advance,
        )
    if options.num_clusters is None and not curve:
        raise UserError(
            "half of train has fewer than 2 different pictures, or all are of one group: too few to choose a number of "
            "clusters; set clusters.num_clusters (--number), or add pictures"
        )
    number = options.num_clusters or choose_number(curve)
    model = fit_clusters(points[fitted], number, options.fit)
    assigned, scores = model.assign(points), model.scores(points)
    seen = np.flatnonzero(fitted | (samples["split"] == UNSEEN).to_numpy())
    compared = seen[sample_groups(groups[seen], options.max_samples, options.seed)]
    report = ClusterReport(
        source=source,
        features=described,
        algorithm=_describe(options),
        num_fitted=int(fitted.sum()),
        num_assigned=len(samples),
        is_chosen=options.num_clusters is None,
        is_stable=is_stable(curve, number) if any(one.num_clusters == number for one in curve) else None,
        curve=curve,
        clusters=_summarise(samples, model, points, assigned, seen, options.num_pictures),
        figures=_figures(samples, assigned, fitted, options),
        findings=find_columns(samples.iloc[compared], assigned[compared], options.num_permutations, options.seed),
    )
    table = samples[["sample_id", "split"]].assign(
        cluster=[cluster_name(one) for one in assigned], score=scores[np.arange(len(scores)), assigned].round(6)
    )
    return report, table


def cluster_name(position: int) -> str:
    """`cluster 1` for 0."""
    return f"cluster {position + 1}"


def _describe(options: Options) -> str:
    if options.algorithm == "kmeans":
        return f"k-means, the best of {options.num_starts} starts"
    return f"a mixture of normal distributions ({options.covariance} covariance)"


def _figures(
    samples: pd.DataFrame, assigned: np.ndarray, fitted: np.ndarray, options: Options
) -> dict[str, dict[str, Estimate]]:
    bootstrap = Bootstrap(num_resamples=options.num_resamples, seed=options.seed)
    parts = {"fitted": fitted, UNSEEN: (samples["split"] == UNSEEN).to_numpy()}
    found = {
        name: agreement(
            assigned[rows], label_texts(samples["labels"][rows]), samples["group"][rows].to_numpy(str), bootstrap
        )
        for name, rows in parts.items()
    }
    return {name: one for name, one in found.items() if one}


def _summarise(
    samples: pd.DataFrame, model: ClusterModel, points: np.ndarray, assigned: np.ndarray, seen: np.ndarray, number: int
) -> list[Cluster]:
    densities, distances = model.log_densities(points), model.squared_distances(points)
    ranked = np.sort(densities, axis=1)
    margins = ranked[:, -1] - ranked[:, -2]
    names, labels = samples["sample_id"].to_numpy(), label_texts(samples["labels"])
    found = []
    for position in range(model.num_clusters):
        rows = np.flatnonzero(assigned == position)
        nearest = rows[np.argsort(distances[rows, position], kind="stable")][:number]
        border = rows[np.argsort(margins[rows], kind="stable")][:number]
        shares = labels.iloc[seen[assigned[seen] == position]].value_counts(normalize=True, sort=True)
        ordered = sorted(shares.items(), key=lambda one: (-one[1], str(one[0])))[:MOST_LABELS]
        found.append(
            Cluster(
                name=cluster_name(position),
                size=len(rows),
                labels={str(label): float(share) for label, share in ordered},
                nearest=names[nearest].tolist(),
                border=names[border].tolist(),
            )
        )
    return found
