"""A simple random sample: the only one from which samples may go to val and test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from pipeline.core.labelling_contracts import QueryBatch, QueryPool, QueryStrategy

if TYPE_CHECKING:
    from numpy.random import Generator


@final
@dataclass(frozen=True, kw_only=True)
class Random(QueryStrategy):
    """Samples at random, each with the same probability.

    Near-duplicates are not left out: a figure that is measured on a random sample holds for all samples alike.
    """

    needs_labels: ClassVar[bool] = False

    def __call__(self, pool: QueryPool, budget: int, rng: Generator) -> QueryBatch:
        rows = rng.permutation(np.flatnonzero(pool.is_open))[:budget]
        return QueryBatch(rows=rows, scores=np.zeros(len(rows)), meaning="at random")
