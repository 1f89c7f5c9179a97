"""The samples between whose two most probable labels a probe hardly decides, spread over the features if wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.labelling_contracts import QueryBatch, QueryPool, QueryStrategy
from pipeline.core.ranges import PositiveInt
from pipeline.labelling.queries.batches import take_distinct, take_highest
from pipeline.labelling.queries.clusters import find_clusters

if TYPE_CHECKING:
    from numpy.random import Generator


@final
@dataclass(frozen=True, kw_only=True)
class Margin(QueryStrategy):
    """The smallest difference of the two largest probabilities; of several labels that between with and without.

    Args:
        spread: The batch is spread over the features of so many times as many samples, those with the smallest
            margins: these are clustered, and the one with the smallest margin is taken from each cluster; 1: the
            smallest margins, however alike the samples are.

    Source: Scheffer, Decomain and Wrobel 2001, doi:10.1007/3-540-44816-0_31; Zhdanov 2019, arXiv:1901.05954, for
        batches that are spread.
    """

    spread: PositiveInt

    def __call__(self, pool: QueryPool, budget: int, rng: Generator) -> QueryBatch:
        margins = margins_of(pool.predict("linear"), pool.is_exclusive)
        candidates = np.flatnonzero(pool.is_open)
        if self.spread > 1:
            candidates = take_highest(-margins, candidates, pool.groups, self.spread * budget, rng)
        rows = take_highest(-margins, candidates, pool.groups, budget, rng)
        if len(candidates) > budget > 1 and self.spread > 1:
            clusters = find_clusters(pool.features[candidates], budget, int(rng.integers(2**31)))
            of_each = take_distinct(np.arange(len(candidates)), clusters, len(candidates))
            rows = take_distinct(candidates[of_each], pool.groups, budget)
        meaning = "1 less the margin of the two most probable labels: 1 is undecided"
        return QueryBatch(rows=rows, scores=1 - margins[rows], meaning=meaning)


def margins_of(probabilities: np.ndarray, is_exclusive: bool) -> np.ndarray:
    """(N,) margins, 0 to 1, of (N, K) probabilities."""
    if is_exclusive:
        second, first = np.partition(probabilities, -2, axis=1)[:, -2:].T
        return np.asarray(first - second)
    return np.asarray(np.abs(2 * probabilities - 1).min(axis=1))
