"""Typical samples while there are few labels, and then those that are hard to decide: the default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from pipeline.core.labelling_contracts import QueryBatch, QueryPool, QueryStrategy
from pipeline.core.ranges import PositiveInt
from pipeline.labelling.queries.probes import has_two_classes
from pipeline.labelling.strategies.margin import Margin
from pipeline.labelling.strategies.typical import Typical

if TYPE_CHECKING:
    from numpy.random import Generator


@final
@dataclass(frozen=True, kw_only=True)
class TypicalThenMargin(QueryStrategy):
    """`typical` until there are `labels_per_class` labels for each class, then `margin`.

    With few labels a probe knows too little to say what is hard, and asks for outliers; with many, typical samples
    tell nothing new.

    Args:
        labels_per_class: Labels for each class, on average, from which `margin` chooses.
        spread: As of `margin`.
        neighbours: As of `typical`.
        max_clusters: As of `typical`.
        min_cluster: As of `typical`.

    Source: Hacohen, Dekel and Weinshall 2022, arXiv:2202.02794, on the two regimes.
    """

    needs_labels: ClassVar[bool] = False

    labels_per_class: PositiveInt
    spread: PositiveInt
    neighbours: PositiveInt
    max_clusters: PositiveInt
    min_cluster: PositiveInt

    def __call__(self, pool: QueryPool, budget: int, rng: Generator) -> QueryBatch:
        known = pool.labels[pool.is_known]
        num_wanted = self.labels_per_class * max(2, known.shape[1])
        if len(known) >= num_wanted and has_two_classes(known, pool.is_exclusive):
            return Margin(spread=self.spread)(pool, budget, rng)
        typical = Typical(neighbours=self.neighbours, max_clusters=self.max_clusters, min_cluster=self.min_cluster)
        return typical(pool, budget, rng)
