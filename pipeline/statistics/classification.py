"""Counts of right and wrong decisions over many weighted copies of the samples at once, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.statistics.reuse import once_per_arrays


@dataclass(frozen=True)
class ConfusionCounts:
    """Weighted counts, one row per resample and one column per class.

    Attributes:
        hit: (R, K) samples of the class that were decided so (true positives).
        support: (R, K) samples of the class.
        predicted: (R, K) samples decided so.
        total: (R,) samples.
    """

    hit: np.ndarray
    support: np.ndarray
    predicted: np.ndarray
    total: np.ndarray

    @property
    def pool(self) -> ConfusionCounts:
        """All classes as one: (R, 1) sums over them."""
        hit, support, predicted = (one.sum(axis=1, keepdims=True) for one in (self.hit, self.support, self.predicted))
        return ConfusionCounts(hit, support, predicted, self.total * self.hit.shape[1])

    @property
    def precision(self) -> np.ndarray:
        """(R, K); 0 where nothing was decided so but the class occurs, NaN where neither."""
        return ratio(self.hit, self.predicted, self.support)

    @property
    def recall(self) -> np.ndarray:
        """(R, K); NaN where the class does not occur."""
        return ratio(self.hit, self.support, 0 * self.support)

    @property
    def f1(self) -> np.ndarray:
        """(R, K); NaN where the class neither occurs nor was decided."""
        return ratio(2 * self.hit, self.support + self.predicted, 0 * self.support)

    @property
    def specificity(self) -> np.ndarray:
        """(R, K) share of the samples of no such class that were not decided so; NaN where every sample has it."""
        others = self.total[:, None] - self.support
        return ratio(others - self.predicted + self.hit, others, 0 * others)

    @property
    def kappa(self) -> np.ndarray:
        """(R, K) agreement of each class against the rest, above that of chance; NaN where chance agrees always."""
        total, support, predicted = self.total[:, None], self.support, self.predicted
        agreed = total * (total - support - predicted + 2 * self.hit)
        by_chance = support * predicted + (total - support) * (total - predicted)
        return ratio(agreed - by_chance, total**2 - by_chance, 0 * by_chance)

    @property
    def matthews(self) -> np.ndarray:
        """(R, K) correlation of each class and its decisions; 0 where all were decided alike, NaN for one side."""
        total = self.total[:, None]
        varied = self.support * (total - self.support)
        decided = self.predicted * (total - self.predicted)
        return ratio(total * self.hit - self.support * self.predicted, np.sqrt(varied * decided), varied)

    @property
    def kappa_of_all(self) -> np.ndarray:
        """(R,) kappa of exclusive classes; NaN where chance agrees always: one class, and it alone was decided."""
        by_chance = (self.support * self.predicted).sum(axis=1)
        agreed = self.hit.sum(axis=1) * self.total
        return ratio(agreed - by_chance, self.total**2 - by_chance, 0 * self.total)

    @property
    def matthews_of_all(self) -> np.ndarray:
        """(R,) correlation over exclusive classes; 0 where all were decided alike, NaN where there is one class."""
        varied = self.total**2 - (self.support**2).sum(axis=1)
        decided = self.total**2 - (self.predicted**2).sum(axis=1)
        shared = self.hit.sum(axis=1) * self.total - (self.support * self.predicted).sum(axis=1)
        return ratio(shared, np.sqrt(varied * decided), varied)


@once_per_arrays
def confusion_counts(targets: np.ndarray, decided: np.ndarray, weights: np.ndarray) -> ConfusionCounts:
    """Counts for (N, K) targets and decisions and (R, N) weights."""
    truth, choice = targets.astype(np.float64), decided.astype(np.float64)
    hit, support, predicted = weights @ (truth * choice), class_sizes(targets, weights), weights @ choice
    return ConfusionCounts(hit, support, predicted, total_weight(weights))


@once_per_arrays
def class_sizes(targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R, K) samples of each class, for (N, K) targets and (R, N) weights."""
    return np.asarray(weights @ targets.astype(np.float64))


@once_per_arrays
def total_weight(weights: np.ndarray) -> np.ndarray:
    """(R,) sums of (R, N) weights: how many samples each row counts."""
    return np.asarray(weights.sum(axis=1))


def of_same_classes(
    figures: Callable[[np.ndarray], np.ndarray], targets: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """(R, K) figures of each class; where a row of weights lost the class, or leaves it undefined, that on all samples.

    A mean over classes is then of the same classes in each resample. Without that a lost class would be left out of
    the mean, or count as an F1 of 0 where it was decided for, and both move the mean for no reason of the model's.

    Args:
        figures: (R, N) weights to (R, K).
        targets: (N, K) in {0, 1}.
        weights: (R, N).
    """
    result = figures(weights)
    lost = (class_sizes(targets, weights) == 0) | np.isnan(result)
    return np.where(lost, figures(np.ones((1, len(targets)))), result) if lost.any() else result


def macro_average(figures: Callable[[np.ndarray], np.ndarray], targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R,) plain means of figures over the classes, the same ones in each row; args as `of_same_classes`."""
    return average(of_same_classes(figures, targets, weights))


def balanced_accuracy(targets: np.ndarray, decided: np.ndarray, weights: np.ndarray, exclusive: bool) -> np.ndarray:
    """(R,) balanced accuracy as `property_baseline` counts it.

    Of exclusive labels the mean recall of the classes. Else the mean over labels of (recall of presence + recall of
    absence) / 2. What all samples leave undefined is left out of the mean.

    Args:
        targets: (N, K) in {0, 1}.
        decided: (N, K) bool.
        weights: (R, N).
        exclusive: Whether each sample has exactly one label, as the task says; the samples cannot show that.
    """
    truth, choice = np.asarray(targets, dtype=bool), np.asarray(decided, dtype=bool)
    present = of_same_classes(lambda rows: confusion_counts(truth, choice, rows).recall, truth, weights)
    if not exclusive:
        absent = of_same_classes(lambda rows: confusion_counts(~truth, ~choice, rows).recall, ~truth, weights)
        present = (present + absent) / 2
    return average(present)


def rarer_side(targets: np.ndarray) -> np.ndarray:
    """(N, K) bool: of each class the samples that have it, or those that do not where these are fewer."""
    present = np.asarray(targets, dtype=bool)
    return np.where(2 * present.sum(axis=0) <= len(present), present, ~present)


def ratio(numerator: np.ndarray, denominator: np.ndarray, otherwise_zero: np.ndarray) -> np.ndarray:
    """numerator / denominator; where the denominator is 0: 0 if `otherwise_zero` is above 0, else NaN."""
    empty = np.where(otherwise_zero > 0, 0.0, np.nan)
    return np.divide(numerator, denominator, out=empty, where=denominator > 0)


def average(per_class: np.ndarray, support: np.ndarray | None = None) -> np.ndarray:
    """(R,) means of (R, K) figures, NaN left out: weighted by (R, K) support, or each alike."""
    defined = np.isfinite(per_class)
    weights = (1.0 if support is None else support) * defined
    return ratio((np.where(defined, per_class, 0.0) * weights).sum(axis=1), weights.sum(axis=1), np.zeros(len(weights)))
