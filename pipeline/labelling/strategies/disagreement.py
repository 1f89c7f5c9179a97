"""The samples on which people differ, and then those on which two kinds of probes do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.labelling_contracts import QueryBatch, QueryPool, QueryStrategy
from pipeline.labelling.queries.batches import take_highest
from pipeline.labelling.strategies.entropy import entropies_of

if TYPE_CHECKING:
    from numpy.random import Generator

OF_PEOPLE = 1.0  # added where people differ, so that these come first: a divergence is at most log 2 for each label


@final
@dataclass(frozen=True, kw_only=True)
class Disagreement(QueryStrategy):
    """The largest Jensen-Shannon divergence of a logistic regression and nearest neighbours, as a committee of two.

    Samples on which people differ come before all others, also those whose source has a label.

    Source: Seung, Opper and Sompolinsky 1992, doi:10.1145/130385.130417; Lin 1991, doi:10.1109/18.61115.
    """

    def __call__(self, pool: QueryPool, budget: int, rng: Generator) -> QueryBatch:
        linear, near = pool.predict("linear"), pool.predict("neighbours")
        scores = divergences_of(linear, near, pool.is_exclusive) / pool.labels.shape[1]
        scores = np.where(pool.is_disputed, OF_PEOPLE + scores, scores)
        rows = take_highest(scores, np.flatnonzero(pool.is_open | pool.is_disputed), pool.groups, budget, rng)
        meaning = "divergence of two probes a label, in nats; 1 more where people differ"
        return QueryBatch(rows=rows, scores=scores[rows], meaning=meaning)


def divergences_of(first: np.ndarray, second: np.ndarray, is_exclusive: bool) -> np.ndarray:
    """(N,) Jensen-Shannon divergences in nats, at least 0, of two (N, K) tables of probabilities."""
    middle = entropies_of((first + second) / 2, is_exclusive)
    outer = (entropies_of(first, is_exclusive) + entropies_of(second, is_exclusive)) / 2
    return np.maximum(middle - outer, 0)
