"""The samples between whose two most probable labels a probe hardly decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.labelling_contracts import QueryBatch, QueryPool, QueryStrategy
from pipeline.labelling.batches import take_highest

if TYPE_CHECKING:
    from numpy.random import Generator


@final
@dataclass(frozen=True, kw_only=True)
class Margin(QueryStrategy):
    """The smallest difference of the two largest probabilities; of several labels that between with and without.

    Source: Scheffer, Decomain and Wrobel 2001, doi:10.1007/3-540-44816-0_31; Settles 2009, Active Learning Literature
        Survey, section 3.1.
    """

    def __call__(self, pool: QueryPool, budget: int, rng: Generator) -> QueryBatch:
        margins = margins_of(pool.predict("linear"), pool.is_exclusive)
        rows = take_highest(-margins, np.flatnonzero(pool.is_open), pool.groups, budget, rng)
        meaning = "1 less the margin of the two most probable labels: 1 is undecided"
        return QueryBatch(rows=rows, scores=1 - margins[rows], meaning=meaning)


def margins_of(probabilities: np.ndarray, is_exclusive: bool) -> np.ndarray:
    """(N,) margins, 0 to 1, of (N, K) probabilities."""
    if is_exclusive:
        second, first = np.partition(probabilities, -2, axis=1)[:, -2:].T
        return np.asarray(first - second)
    return np.asarray(np.abs(2 * probabilities - 1).min(axis=1))
