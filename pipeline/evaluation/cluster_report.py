"""Pictures grouped without labels: the clusters, how stable they are, and what they turn out to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from annotated_types import Ge

from pipeline.core.estimate import Estimate
from pipeline.core.open_types import JsonObject
from pipeline.core.ranges import PositiveInt
from pipeline.evaluation.cluster_agreement import agreement, label_texts
from pipeline.evaluation.cluster_findings import ClusterFinding, find_columns
from pipeline.features.cluster_model import ClusterOptions
from pipeline.features.cluster_stability import Stability, sample_groups
from pipeline.features.grouping import Grouping
from pipeline.statistics.bootstrap import Bootstrap

FITTED = ("train", "pool")  # splits that clusters are fitted to
UNSEEN = "val"
MOST_LABELS = 3  # of a cluster, in its summary


@dataclass(frozen=True, kw_only=True)
class Options(ClusterOptions):
    """The section `clusters` of the parameters: how clusters are fitted, and how they are described.

    Args:
        num_permutations: Of the clusters, for the table of what they found, at least 39.
        num_resamples: Bootstrap resamples behind each interval, where there are more than 100 groups.
        num_pictures: Pictures nearest to the centre of each cluster that the page shows, and as many at its border.
    """

    num_permutations: Annotated[int, Ge(39)]
    num_resamples: Annotated[int, Ge(100)]
    num_pictures: PositiveInt

    @property
    def bootstrap(self) -> Bootstrap:
        return Bootstrap(num_resamples=self.num_resamples, seed=self.seed)


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
        figures: `fitted`, `val` and, in an evaluation, `test`: the clusters compared with labels, where there are some.
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

    @property
    def stability(self) -> Estimate | None:
        """The agreement of halves on this number of clusters; None where it was not measured."""
        return next((one.agreement for one in self.curve if one.num_clusters == len(self.clusters)), None)

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
    """Fits clusters to the pictures of train and the pool, and describes them; labels change no cluster.

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
    fitted = samples["split"].isin(FITTED).to_numpy()
    grouping = Grouping.fit(features[fitted], samples["group"].to_numpy(dtype=str)[fitted], options, advance)
    return describe_clusters(samples, features, grouping, options, source, described)


def describe_clusters(
    samples: pd.DataFrame,
    features: np.ndarray,
    grouping: Grouping,
    options: Options,
    source: str,
    described: str,
    held_out: Sequence[str] = (UNSEEN,),
) -> tuple[ClusterReport, pd.DataFrame]:
    """The report, and a row for each sample: `sample_id`, `split`, `cluster` and `score`, the probability of it.

    Args:
        samples: N rows of the manifest with `split` and the joined `group`.
        features: (N, D) of the samples.
        grouping: The clusters, fitted to the pictures of train and the pool.
        options: How they are described.
        source: Name of the data set.
        described: What the features are, in words.
        held_out: Splits whose clusters are compared with their labels, besides those that were fitted.
    """
    samples = samples.reset_index(drop=True)
    split, groups = samples["split"], samples["group"].to_numpy(dtype=str)
    model, points = grouping.model, grouping.reduction(features)
    assigned, scores = model.assign(points), model.scores(points)
    seen = np.flatnonzero(split.isin((*FITTED, UNSEEN)).to_numpy())  # what the clusters found never rests on test
    compared = seen[sample_groups(groups[seen], options.max_samples, options.seed)]
    parts = {"fitted": split.isin(FITTED).to_numpy()} | {name: (split == name).to_numpy() for name in held_out}
    report = ClusterReport(
        source=source,
        features=described,
        algorithm=grouping.algorithm,
        num_fitted=grouping.num_fitted,
        num_assigned=len(samples),
        is_chosen=grouping.is_chosen,
        is_stable=grouping.is_stable,
        curve=grouping.curve,
        clusters=_summarise(samples, grouping, points, assigned, seen, options.num_pictures),
        figures=_compare(samples, assigned, parts, options.bootstrap),
        findings=find_columns(samples.iloc[compared], assigned[compared], options.num_permutations, options.seed),
    )
    table = samples[["sample_id", "split"]].assign(
        cluster=[grouping.names[one] for one in assigned], score=scores[np.arange(len(scores)), assigned].round(6)
    )
    return report, table


def _compare(
    samples: pd.DataFrame, assigned: np.ndarray, parts: dict[str, np.ndarray], bootstrap: Bootstrap
) -> dict[str, dict[str, Estimate]]:
    """The figures of each part, which is a mask of the samples; a part without labels has none."""
    found = {
        name: agreement(
            assigned[rows], label_texts(samples["labels"][rows]), samples["group"][rows].to_numpy(str), bootstrap
        )
        for name, rows in parts.items()
    }
    return {name: one for name, one in found.items() if one}


def _summarise(
    samples: pd.DataFrame, grouping: Grouping, points: np.ndarray, assigned: np.ndarray, seen: np.ndarray, number: int
) -> list[Cluster]:
    model = grouping.model
    densities, distances = model.log_densities(points), model.squared_distances(points)
    ranked = np.sort(densities, axis=1)
    margins = ranked[:, -1] - ranked[:, -2]
    names, labels = samples["sample_id"].to_numpy(), label_texts(samples["labels"])
    found = []
    for position, name in enumerate(grouping.names):
        rows = np.flatnonzero(assigned == position)
        nearest = rows[np.argsort(distances[rows, position], kind="stable")][:number]
        border = rows[np.argsort(margins[rows], kind="stable")][:number]
        shares = labels.iloc[seen[assigned[seen] == position]].value_counts(normalize=True, sort=True)
        ordered = sorted(shares.items(), key=lambda one: (-one[1], str(one[0])))[:MOST_LABELS]
        found.append(
            Cluster(
                name=name,
                size=len(rows),
                labels={str(label): float(share) for label, share in ordered},
                nearest=names[nearest].tolist(),
                border=names[border].tolist(),
            )
        )
    return found
