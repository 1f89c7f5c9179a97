"""What a query chooses samples from, and the contract of the strategies that choose which to label next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    import numpy as np

ProbeKind = Literal["linear", "neighbours"]


@dataclass(frozen=True, kw_only=True, eq=False)
class QueryPool:
    """All samples that take part in a query: those to choose from, and those that are labelled.

    Attributes:
        features: (N, D) float32; their Euclidean distances say how alike samples are.
        groups: (N,) group of each sample; those of one group are near-duplicates, or of one patient or module.
        is_open: (N,) bool, without a label.
        is_known: (N,) bool, with a label from which a strategy may learn.
        labels: (N, K) float32 in {0, 1}; zeros where no label is known.
        is_exclusive: Whether each sample has exactly one label.
        suspicion: (N,) how likely the given label is wrong, 0 to 1; NaN where nothing suspects it.
        is_disputed: (N,) bool, people differ on its label, and a further one must decide.
        predict: Of a kind of probe, fitted to the known samples, the (N, K) probabilities of the labels.
    """

    features: np.ndarray
    groups: np.ndarray
    is_open: np.ndarray
    is_known: np.ndarray
    labels: np.ndarray
    is_exclusive: bool
    suspicion: np.ndarray
    is_disputed: np.ndarray
    predict: Callable[[ProbeKind], np.ndarray]


@dataclass(frozen=True, kw_only=True, eq=False)
class QueryBatch:
    """The samples that a strategy chose.

    Attributes:
        rows: (n,) positions in the pool, the first to be labelled first; fewer than the budget where there are no more.
        scores: (n,) why each was chosen, a finite number.
        meaning: What the scores are, a clause without a stop.
    """

    rows: np.ndarray
    scores: np.ndarray
    meaning: str


class QueryStrategy(ABC):
    """Which samples a person should look at next; a dataclass with its choices.

    Attributes:
        needs_labels: Whether it needs known samples of at least two classes.
        of_labelled: Whether it chooses labelled samples, which a person looks at again.
    """

    needs_labels: ClassVar[bool] = True
    of_labelled: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, pool: QueryPool, budget: int, rng: np.random.Generator) -> QueryBatch:
        """At most `budget` different rows, none twice; of each group one, as long as other groups have samples left.

        Args:
            pool: The samples.
            budget: At least 1.
            rng: The only source of chance.
        """
