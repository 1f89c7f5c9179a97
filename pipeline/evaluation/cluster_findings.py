"""What did the clusters find? Clusters against every attribute, measured property and label, beyond chance or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from pipeline.core.manifest_schema import ATTRIBUTE
from pipeline.core.open_types import JsonObject
from pipeline.datasets.properties import Property, by_column
from pipeline.evaluation.cluster_agreement import label_texts
from pipeline.statistics.association import cramers_v
from pipeline.statistics.partitions import adjusted_rand
from pipeline.statistics.permutation import (
    block_permutations,
    combine_p_values,
    label_determined_by_group_size,
    one_per_group,
    rotations,
)

ALPHA = 0.05  # of the table: the probability that anything in it is beyond chance where nothing is
LABEL = "labels"
MOST_VALUES = 50  # of a category; the others count as one


@dataclass(frozen=True, kw_only=True)
class ClusterFinding:
    """How strongly clusters and one column go together.

    Attributes:
        column: Of the manifest, or `labels`.
        name: As people read it.
        kind: `label`, `attribute` or `property`.
        measure: `Cramer's V` of categories, or `eta` of numbers: the root of the share of the variance of the ranks
            that lies between clusters. Both are corrected for what chance alone gives.
        strength: The measure, 0 (nothing) to 1 (one follows from the other).
        adjusted_rand: Of categories: 1 where the clusters are the values, 0 by chance; None for numbers.
        p: Probability of such a strength by chance anywhere in the table; see `find_columns`.
        n: Samples with a value.
        beyond_chance: Whether `p` is at most 0.05; None where too few groups leave that open.
    """

    column: str
    name: str
    kind: str
    measure: str
    strength: float
    adjusted_rand: float | None
    p: float
    n: int
    beyond_chance: bool | None

    def to_json(self) -> JsonObject:
        return asdict(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """One column as what permutations need: codes of a category, or ranks of numbers.

    Attributes:
        known: (N,) bool, whether a sample has a value.
        values: (N,) codes from 0, or ranks less their mean; anything where unknown.
        num_values: Of a category; 0 for numbers.
    """

    source: Property
    kind: str
    known: np.ndarray
    values: np.ndarray
    num_values: int

    def table(self, clusters: np.ndarray, num_clusters: int) -> np.ndarray:
        """(K, V) counts of a category."""
        cells = clusters[self.known] * self.num_values + self.values[self.known]
        counts = np.bincount(cells, minlength=num_clusters * self.num_values)
        return np.asarray(counts.reshape(num_clusters, self.num_values), dtype=np.float64)

    def statistic(self, clusters: np.ndarray, num_clusters: int) -> float:
        """Cramer's V or eta, not corrected, 0 to 1."""
        return float(
            np.sqrt(self._v_squared(clusters, num_clusters) if self.num_values else self._eta_squared(clusters))
        )

    def strength(self, clusters: np.ndarray, num_clusters: int) -> float:
        """The same, corrected for chance."""
        if self.num_values:
            return cramers_v(self.table(clusters, num_clusters))
        size, occurring = int(self.known.sum()), len(np.unique(clusters[self.known]))
        if size <= occurring:
            return 0.0
        # epsilon squared, Kelley 1935, doi:10.1073/pnas.21.9.554
        return float(np.sqrt(max(0.0, 1 - (1 - self._eta_squared(clusters)) * (size - 1) / (size - occurring))))

    def _eta_squared(self, clusters: np.ndarray) -> float:
        ranks, codes = self.values[self.known], clusters[self.known]
        sizes, sums = np.bincount(codes), np.bincount(codes, ranks)
        total = float((ranks**2).sum())
        return float((sums[sizes > 0] ** 2 / sizes[sizes > 0]).sum() / total) if total > 0 else 0.0

    def _v_squared(self, clusters: np.ndarray, num_clusters: int) -> float:
        table = self.table(clusters, num_clusters)
        table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
        if min(table.shape) < 2:
            return 0.0
        expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
        squared = ((table - expected) ** 2 / expected).sum() / table.sum() / (min(table.shape) - 1)
        return float(min(1.0, squared))


def find_columns(samples: pd.DataFrame, clusters: np.ndarray, num_permutations: int, seed: int) -> list[ClusterFinding]:
    """Every column that varies, the strongest first.

    P-values are those of block permutations of the clusters, between groups of similar size and within groups, and
    corrected over all columns by the largest of them (`statistics.permutation.max_t_p_values`).

    Args:
        samples: N rows with `group`, `labels`, and any of `attr_*` and `prop_*`; `source_order` where it is known.
        clusters: (N,) codes from 0.
        num_permutations: Of each of the two kinds; at least 39.
        seed: Of the permutations.
    """
    samples = samples.reset_index(drop=True)
    columns = list(_columns(samples))
    if not columns or len(np.unique(clusters)) < 2:
        return []
    num_clusters = int(clusters.max()) + 1
    p_values, least = _p_values(samples, clusters, num_clusters, columns, num_permutations, seed)
    found = []
    for column, p in zip(columns, p_values, strict=True):
        table = column.table(clusters, num_clusters)[None] if column.num_values else None
        found.append(
            ClusterFinding(
                column=column.source.column,
                name=column.source.name.replace("_", " "),
                kind=column.kind,
                measure="Cramer's V" if column.num_values else "eta",
                strength=column.strength(clusters, num_clusters),
                adjusted_rand=None if table is None else float(adjusted_rand(table)[0]),
                p=float(p),
                n=int(column.known.sum()),
                beyond_chance=bool(p <= ALPHA) if p <= ALPHA or least <= ALPHA else None,
            )
        )
    return sorted(found, key=lambda one: (-one.strength, one.column))


def _p_values(
    samples: pd.DataFrame,
    clusters: np.ndarray,
    num_clusters: int,
    columns: list[Column],
    num_permutations: int,
    seed: int,
) -> tuple[np.ndarray, float]:
    """(C,) p-value of each column, and the smallest that any could have."""
    groups = pd.factorize(samples["group"])[0]
    order = samples["source_order"].to_numpy() if "source_order" in samples else np.arange(len(samples))
    rows = np.arange(len(samples))
    if label_determined_by_group_size(groups, rows, clusters, num_clusters).any():
        rows = one_per_group(groups, seed)  # each group once, so that any cluster can go to any group
    few = [_only(one, rows) for one in columns]
    few_groups = pd.factorize(groups[rows])[0]
    schemes = [_statistics(few, clusters[rows], num_clusters, block_permutations(few_groups, num_permutations, seed))]
    pairs = pd.DataFrame({"group": groups, "cluster": clusters}).groupby("group")["cluster"]
    if (pairs.nunique() > 1).any():
        schemes.append(_statistics(columns, clusters, num_clusters, rotations(groups, order, num_permutations, seed)))
    p_values, least = combine_p_values([one[:, :, None] for one in schemes], ALPHA)
    return p_values[:, 0], float(least[0])


def _statistics(
    columns: list[Column], clusters: np.ndarray, num_clusters: int, permutations: Iterator[np.ndarray]
) -> np.ndarray:
    """(M + 1, C) of the clusters as they are, then of each permutation."""
    rows = [[one.statistic(clusters, num_clusters) for one in columns]]
    for destinations in permutations:
        permuted = np.empty_like(clusters)
        permuted[destinations] = clusters
        rows.append([one.statistic(permuted, num_clusters) for one in columns])
    return np.array(rows)


def _columns(samples: pd.DataFrame) -> Iterator[Column]:
    """The columns that have at least two values."""
    labels = label_texts(samples["labels"])
    codes, names = pd.factorize(labels, sort=True)
    label = Property("label", codes.astype(np.int64), False, tuple(map(str, names)), column=LABEL)
    for one in (label, *by_column(samples).values()):
        kind = "label" if one.column == LABEL else "attribute" if one.column.startswith(ATTRIBUTE) else "property"
        column = _as_ranks(one, kind) if one.ordered else _as_category(one, kind)
        if len(np.unique(column.values[column.known])) > 1:
            yield column


def _as_category(one: Property, kind: str) -> Column:
    known = one.values >= 0
    sizes = np.bincount(one.values[known], minlength=len(one.names))
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    values = (
        np.where(known, np.minimum(rank[np.where(known, one.values, 0)], MOST_VALUES), 0) if len(sizes) else one.values
    )
    return Column(source=one, kind=kind, known=known, values=values, num_values=min(len(sizes), MOST_VALUES + 1))


def _as_ranks(one: Property, kind: str) -> Column:
    from scipy.stats import rankdata

    known = np.isfinite(one.values)
    values = np.zeros(len(known))
    ranks = rankdata(one.values[known])
    values[known] = ranks - ranks.mean() if len(ranks) else ranks
    return Column(source=one, kind=kind, known=known, values=values, num_values=0)


def _only(one: Column, rows: np.ndarray) -> Column:
    known, values = one.known[rows], one.values[rows]
    if not one.num_values and known.any():
        values = values - values[known].mean()
    return Column(source=one.source, kind=one.kind, known=known, values=values, num_values=one.num_values)
