"""The samples that cover the others best: each is the one farthest from all that are labelled or chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from pipeline.core.labelling_contracts import QueryBatch, QueryPool, QueryStrategy
from pipeline.labelling.queries.batches import take_in_turn
from pipeline.labelling.queries.distances import distances_to

if TYPE_CHECKING:
    from numpy.random import Generator


@final
@dataclass(frozen=True, kw_only=True)
class Coreset(QueryStrategy):
    """The greedy solution of the k-centre problem, at most twice as far from the samples as the best one.

    Without a known sample the first one is random.

    Source: Sener and Savarese 2018, arXiv:1708.00489, algorithm 1.
    """

    needs_labels: ClassVar[bool] = False

    def __call__(self, pool: QueryPool, budget: int, rng: Generator) -> QueryBatch:
        nearest = np.full(len(pool.features), np.inf)
        for known in np.flatnonzero(pool.is_known):
            np.minimum(nearest, distances_to(pool.features, pool.features[known]), out=nearest)

        def choose(allowed: np.ndarray) -> tuple[int, float]:
            farthest = nearest[allowed]
            row = int(rng.choice(allowed) if np.isinf(farthest).all() else allowed[farthest.argmax()])
            score = 0.0 if np.isinf(nearest[row]) else float(nearest[row])
            np.minimum(nearest, distances_to(pool.features, pool.features[row]), out=nearest)
            return row, score

        rows, scores = take_in_turn(choose, np.flatnonzero(pool.is_open), pool.groups, budget)
        meaning = "distance to the nearest sample that was labelled or chosen before"
        return QueryBatch(rows=rows, scores=scores, meaning=meaning)
