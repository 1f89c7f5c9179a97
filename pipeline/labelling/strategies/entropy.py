"""The samples on whose labels a probe is least certain in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from scipy.special import entr

from pipeline.core.labelling_contracts import QueryBatch, QueryPool, QueryStrategy
from pipeline.labelling.queries.batches import take_highest

if TYPE_CHECKING:
    from numpy.random import Generator


@final
@dataclass(frozen=True, kw_only=True)
class Entropy(QueryStrategy):
    """The largest entropy of the probabilities; of several labels the sum of the entropies of each.

    Source: Shannon 1948, doi:10.1002/j.1538-7305.1948.tb01338.x; Settles 2009, Active Learning Literature Survey,
        section 3.1.
    """

    def __call__(self, pool: QueryPool, budget: int, rng: Generator) -> QueryBatch:
        entropies = entropies_of(pool.predict("linear"), pool.is_exclusive)
        rows = take_highest(entropies, np.flatnonzero(pool.is_open), pool.groups, budget, rng)
        return QueryBatch(rows=rows, scores=entropies[rows], meaning="entropy of the probabilities, in nats")


def entropies_of(probabilities: np.ndarray, is_exclusive: bool) -> np.ndarray:
    """(N,) entropies in nats, at least 0, of (N, K) probabilities."""
    certain = entr(probabilities) if is_exclusive else entr(probabilities) + entr(1 - probabilities)
    return np.asarray(certain.sum(axis=1))
