"""Labelled samples worth a second look: those whose label curation suspects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from pipeline.core.labelling_contracts import QueryBatch, QueryPool, QueryStrategy
from pipeline.labelling.queries.batches import take_highest

if TYPE_CHECKING:
    from numpy.random import Generator


@final
@dataclass(frozen=True, kw_only=True)
class Suspects(QueryStrategy):
    """The least probable labels among those that `reports/label_suspects.csv` lists.

    Source: Northcutt, Jiang and Chuang 2021, arXiv:1911.00068, on the quality of a label.
    """

    needs_labels: ClassVar[bool] = False
    of_labelled: ClassVar[bool] = True

    def __call__(self, pool: QueryPool, budget: int, rng: Generator) -> QueryBatch:
        candidates = np.flatnonzero(pool.is_known & np.isfinite(pool.suspicion))
        rows = take_highest(pool.suspicion, candidates, pool.groups, budget, rng)
        return QueryBatch(rows=rows, scores=pool.suspicion[rows], meaning="1 less the probability of the given label")
