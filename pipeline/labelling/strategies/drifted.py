"""The samples that are least like anything labelled, as new devices or seasons are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.labelling_contracts import QueryBatch, QueryPool, QueryStrategy
from pipeline.core.ranges import PositiveInt
from pipeline.labelling.queries.batches import take_highest
from pipeline.labelling.queries.distances import mean_distances

if TYPE_CHECKING:
    from numpy.random import Generator


@final
@dataclass(frozen=True, kw_only=True)
class Drifted(QueryStrategy):
    """The largest mean distance to the nearest labelled samples.

    Args:
        neighbours: Nearest labelled samples over which the distance is averaged.

    Source: Sun, Ming, Zhu and Li 2022, arXiv:2204.06507, on distances to nearest neighbours.
    """

    neighbours: PositiveInt

    def __call__(self, pool: QueryPool, budget: int, rng: Generator) -> QueryBatch:
        if not pool.is_known.any():
            raise UserError(
                "strategy drifted compares samples with labelled ones, and train has none; label a batch of colibri "
                "query --strategy typical first"
            )
        candidates = np.flatnonzero(pool.is_open)
        far = np.zeros(len(pool.features))
        far[candidates] = mean_distances(
            pool.features[candidates], pool.features[pool.is_known], self.neighbours, has_itself=False
        )
        rows = take_highest(far, candidates, pool.groups, budget, rng)
        return QueryBatch(rows=rows, scores=far[rows], meaning="mean distance to the nearest labelled samples")
