"""The samples that stand for many others: the most typical one of each part of the features without a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from pipeline.core.labelling_contracts import QueryBatch, QueryPool, QueryStrategy
from pipeline.core.ranges import PositiveInt
from pipeline.labelling.queries.batches import take_in_turn
from pipeline.labelling.queries.clusters import find_clusters
from pipeline.labelling.queries.distances import mean_distances

if TYPE_CHECKING:
    from numpy.random import Generator

NEVER = 1e-9  # added to a distance, so that copies of a sample have a finite typicality


@final
@dataclass(frozen=True, kw_only=True)
class Typical(QueryStrategy):
    """TypiClust: clusters the features into as many parts as there will be labels, and takes the most typical of each.

    Clusters with the fewest labelled samples come first, and of these the largest. A sample is the more typical the
    nearer its nearest neighbours in the cluster are.

    Args:
        neighbours: Nearest neighbours of a sample within its cluster, over which the distance is averaged.
        max_clusters: Most clusters; with more labels several samples of a cluster are taken.
        min_cluster: Clusters with fewer samples are passed over while there are others.

    Source: Hacohen, Dekel and Weinshall 2022, arXiv:2202.02794, algorithm 1 and appendix F.
    """

    needs_labels: ClassVar[bool] = False

    neighbours: PositiveInt
    max_clusters: PositiveInt
    min_cluster: PositiveInt

    def __call__(self, pool: QueryPool, budget: int, rng: Generator) -> QueryBatch:
        rows = np.flatnonzero(pool.is_open | pool.is_known)
        features = pool.features[rows]
        number = min(int(pool.is_known.sum()) + budget, self.max_clusters, len(rows))
        clusters = np.full(len(pool.features), -1)
        clusters[rows] = find_clusters(features, number, int(rng.integers(2**31)))
        typicality = np.zeros(len(pool.features))
        for cluster in range(number):
            members = np.flatnonzero(clusters == cluster)
            if len(members) > 1:
                inside = pool.features[members]
                typicality[members] = 1 / (mean_distances(inside, inside, self.neighbours, True) + NEVER)
        sizes = np.bincount(clusters[rows], minlength=number)
        labelled = np.bincount(clusters[pool.is_known], minlength=number)
        return self._take(pool, budget, clusters, typicality, sizes, labelled)

    def _take(
        self,
        pool: QueryPool,
        budget: int,
        clusters: np.ndarray,
        typicality: np.ndarray,
        sizes: np.ndarray,
        labelled: np.ndarray,
    ) -> QueryBatch:
        def choose(allowed: np.ndarray) -> tuple[int, float]:
            own = np.unique(clusters[allowed])
            cluster = own[np.lexsort((-sizes[own], labelled[own], sizes[own] < self.min_cluster))[0]]
            inside = allowed[clusters[allowed] == cluster]
            row = int(inside[typicality[inside].argmax()])
            labelled[cluster] += 1
            return row, float(typicality[row])

        rows, scores = take_in_turn(choose, np.flatnonzero(pool.is_open), pool.groups, budget)
        meaning = "1 over the mean distance to its nearest neighbours in its cluster"
        return QueryBatch(rows=rows, scores=scores, meaning=meaning)
