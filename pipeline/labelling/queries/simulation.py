"""Labelling played out on samples with known labels: which rows a strategy would have had, and what they give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.labelling_contracts import QueryPool, QueryStrategy
from pipeline.labelling.queries.probes import has_two_classes, predict_labels

if TYPE_CHECKING:
    from numpy.random import Generator

    from pipeline.core.labelling_contracts import ProbeKind


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledSamples:
    """Samples of train, which act as the pool, then those of val, which measure.

    Attributes:
        features: (N, D) float32.
        labels: (N, K) float32 in {0, 1}.
        groups: (N,) group of each.
        num_train: How many are of train.
        is_exclusive: Whether each sample has exactly one label.
    """

    features: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    num_train: int
    is_exclusive: bool

    @property
    def codes(self) -> np.ndarray:
        """(M,) what figures of val are means over: the classes, or of several labels each with and without."""
        truth = self.labels[self.num_train :]
        if self.is_exclusive:
            return np.asarray(truth.argmax(axis=1))
        return (2 * np.arange(truth.shape[1]) + truth).astype(np.int64).ravel()

    @property
    def val_groups(self) -> np.ndarray:
        """(M,) group of each entry of `codes`."""
        groups = self.groups[self.num_train :]
        return groups if self.is_exclusive else np.repeat(groups, self.labels.shape[1])

    def pool(self, rows: np.ndarray) -> QueryPool:
        """Train as a strategy sees it when these rows are labelled."""
        num = self.num_train
        features, is_known = self.features[:num], np.zeros(num, dtype=bool)
        is_known[rows] = True
        return QueryPool(
            features=features,
            groups=self.groups[:num],
            is_open=~is_known,
            is_known=is_known,
            labels=np.where(is_known[:, None], self.labels[:num], 0),
            is_exclusive=self.is_exclusive,
            suspicion=np.full(num, np.nan),
            is_disputed=np.zeros(num, dtype=bool),
            predict=partial(self._predict, features, np.flatnonzero(is_known)),
        )

    def _predict(self, features: np.ndarray, rows: np.ndarray, kind: ProbeKind) -> np.ndarray:
        return predict_labels(features, rows, self.labels[rows], self.is_exclusive, kind)

    def measure(self, rows: np.ndarray) -> np.ndarray:
        """(M,) bool, whether a probe that is fitted to these rows is right on each entry of `codes`."""
        labels, truth = self.labels[rows], self.labels[self.num_train :]
        if has_two_classes(labels, self.is_exclusive):
            found = self._predict(self.features, rows, "linear")[self.num_train :]
        else:
            found = np.tile(labels.mean(axis=0), (len(truth), 1))
        if self.is_exclusive:
            return np.asarray(found.argmax(axis=1) == truth.argmax(axis=1))
        return np.asarray((found >= HALF) == (truth >= HALF)).ravel()


HALF = 0.5


def label_in_rounds(
    strategy: QueryStrategy, samples: LabelledSamples, budgets: Sequence[int], random_order: np.ndarray, rng: Generator
) -> list[np.ndarray]:
    """The rows that are labelled at each budget, (b,) each; a budget is filled up from what is labelled before.

    A strategy that needs labels has the first of the random order until two classes are known, as a person would do.

    Args:
        strategy: That chooses them.
        samples: The labels are seen of rows that were chosen before.
        budgets: Labels in all, ascending, none larger than train.
        random_order: (num_train,) rows.
        rng: Of the strategy.
    """
    labelled = np.zeros(0, dtype=np.int64)
    found = []
    for budget in budgets:
        pool, num = samples.pool(labelled), budget - len(labelled)
        if strategy.needs_labels and not has_two_classes(samples.labels[labelled], samples.is_exclusive):
            chosen = random_order[~np.isin(random_order, labelled)][:num]
        else:
            chosen = strategy(pool, num, rng).rows
        labelled = np.concatenate([labelled, chosen])
        found.append(labelled)
    return found
