"""Clusters compared with labels: figures with intervals over groups."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from pipeline.core.estimate import Estimate
from pipeline.core.labels import labels_to_text
from pipeline.statistics.bootstrap import Basis, Bootstrap, bounded_interval
from pipeline.statistics.partitions import (
    adjusted_rand,
    contingency,
    matched_accuracy,
    mutual_information,
    purity,
    weighted_tables,
)

FIGURES: dict[
    str, tuple[Callable[[np.ndarray], np.ndarray], tuple[float, float]]
] = {  # with smallest and largest value
    "matched_accuracy": (matched_accuracy, (0, 1)),
    "normalised_mutual_information": (mutual_information, (0, 1)),
    "adjusted_rand": (adjusted_rand, (-0.5, 1)),
    "purity": (purity, (0, 1)),
}


def label_texts(labels: pd.Series) -> pd.Series:
    """The labels of each sample as one text; missing where it has none."""
    return labels.map(lambda names: labels_to_text(sorted(names)) if len(names) else None)


def pair_labels(samples: pd.DataFrame, assigned: pd.DataFrame) -> pd.DataFrame:
    """A row of `actual`, the label, and `predicted`, the cluster, for each sample that has a label.

    Args:
        samples: `sample_id` and `labels`.
        assigned: `sample_id` and `cluster`, of these samples and others.
    """
    pairs = samples[["sample_id"]].assign(actual=label_texts(samples["labels"])).dropna(subset=["actual"])
    pairs = pairs.merge(assigned[["sample_id", "cluster"]], on="sample_id").rename(columns={"cluster": "predicted"})
    return pairs[["actual", "predicted"]]


def agreement(
    clusters: np.ndarray, classes: pd.Series, groups: np.ndarray, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """Each of `FIGURES` on the samples that have a class; nothing where none has.

    Args:
        clusters: (N,) codes of the clusters, from 0.
        classes: (N,) class of each sample, missing where it has none.
        groups: (N,) groups of the samples, which are resampled.
        bootstrap: How.
    """
    known = classes.notna().to_numpy()
    if not known.any():
        return {}
    codes, names = pd.factorize(classes[known], sort=True)
    clusters, groups = clusters[known], groups[known]
    table = contingency(clusters, codes)
    weights = bootstrap.replicates(groups)
    varied: dict[str, list[np.ndarray]] = {name: [] for name in FIGURES}
    for block in weights:
        tables = weighted_tables(clusters, codes, block, (len(table), len(names)))
        for name, (figure, _) in FIGURES.items():
            varied[name].append(figure(tables))
    basis = Basis.of(np.ones((len(codes), 1), dtype=bool), groups)
    found = {}
    for name, (figure, bounds) in FIGURES.items():
        value = float(figure(table[None])[0])
        interval = bounded_interval(value, np.concatenate(varied[name]), weights, basis.n, basis.groups, bounds)
        low, high, cautious = interval or (None, None, "")
        caveat = basis.caveat(interval is not None, cautious)
        found[name] = Estimate(value=value, low=low, high=high, n=len(codes), groups=int(basis.groups), caveat=caveat)
    return found
