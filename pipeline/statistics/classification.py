"""Counts of right and wrong decisions over many weighted copies of the samples at once, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FEW_SAMPLES = 50  # of a class; up to here a matrix product ranks them faster than a sort of all samples does


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
        return ConfusionCounts(hit, support, predicted, self.total)

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


def confusion_counts(targets: np.ndarray, decided: np.ndarray, weights: np.ndarray) -> ConfusionCounts:
    """Counts for (N, K) targets and decisions and (R, N) weights."""
    truth, choice = targets.astype(np.float64), decided.astype(np.float64)
    return ConfusionCounts(weights @ (truth * choice), weights @ truth, weights @ choice, weights.sum(axis=1))


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
    lost = (weights @ targets.astype(np.float64) == 0) | np.isnan(result)
    return np.where(lost, figures(np.ones((1, len(targets)))), result) if lost.any() else result


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
    return average(present, np.ones_like(present), "macro")


def rarer_side(targets: np.ndarray) -> np.ndarray:
    """(N, K) bool: of each class the samples that have it, or those that do not where these are fewer."""
    present = np.asarray(targets, dtype=bool)
    return np.where(2 * present.sum(axis=0) <= len(present), present, ~present)


def ratio(numerator: np.ndarray, denominator: np.ndarray, otherwise_zero: np.ndarray) -> np.ndarray:
    """numerator / denominator; where the denominator is 0: 0 if `otherwise_zero` is above 0, else NaN."""
    empty = np.where(otherwise_zero > 0, 0.0, np.nan)
    return np.divide(numerator, denominator, out=empty, where=denominator > 0)


def average(per_class: np.ndarray, support: np.ndarray, how: str) -> np.ndarray:
    """(R, K) to (R,).

    Args:
        per_class: (R, K) with NaN where undefined, which counts as 0 in a weighted mean and is left out of a macro one.
        support: (R, K).
        how: `macro` (mean over classes) or `weighted` (by support).
    """
    defined = np.isfinite(per_class)
    filled = np.where(defined, per_class, 0.0)
    weights = defined.astype(np.float64) if how == "macro" else support * defined
    return ratio((filled * weights).sum(axis=1), weights.sum(axis=1), 0 * weights.sum(axis=1))


def roc_auc(targets: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted one-against-the-rest AUC, ties counted half.

    Args:
        targets: (N, K) in {0, 1}.
        scores: (N, K).
        weights: (R, N).

    Returns:
        (R, K); NaN where a resample has only one side.
    """
    result, total = np.empty((len(weights), targets.shape[1])), weights.sum(axis=1)
    for column in range(targets.shape[1]):
        target, score = targets[:, column] > 0, scores[:, column]
        rare = target if 2 * target.sum() <= len(target) else ~target
        if rare.sum() <= FEW_SAMPLES:
            pairs = _pairs(rare, score if rare is target else -score, weights)
        else:
            positive, negative = _by_threshold(target, score, weights)
            pairs = (positive * (np.cumsum(negative, axis=1) - negative / 2)).sum(axis=1)
        of_rare = weights[:, rare].sum(axis=1)
        possible = of_rare * (total - of_rare)
        result[:, column] = ratio(pairs, possible, 0 * possible)
    return result


def _pairs(rare: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R,) weight of the pairs in which one of the rare samples scores higher than one of the others, ties half.

    A matrix product over the rare samples: of many classes each has few, and sorting all samples takes longer.
    """
    higher = (score[rare] > score[:, None]).astype(np.float64) + (score[rare] == score[:, None]) / 2
    higher[rare] = 0
    return np.asarray(((weights @ higher) * weights[:, rare]).sum(axis=1))


def average_precision(targets: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sum over thresholds of precision x gain of recall, as in scikit-learn.

    Args and returns as `roc_auc`; NaN where a resample has no positive.
    """
    result = np.empty((len(weights), targets.shape[1]))
    for column in range(targets.shape[1]):
        target, score = targets[:, column] > 0, scores[:, column]
        of_class = weights[:, target]
        if target.sum() <= FEW_SAMPLES:
            reached = (score[:, None] >= score[target]).astype(np.float64)
            hit, decided, gained = of_class @ reached[target], weights @ reached, of_class
        else:
            gained, negative = _by_threshold(target, -score, weights)
            hit = np.cumsum(gained, axis=1)
            decided = np.cumsum(gained + negative, axis=1)
        precision = ratio(hit, decided, 1 + 0 * decided)
        possible = of_class.sum(axis=1)
        result[:, column] = ratio((precision * gained).sum(axis=1), possible, 0 * possible)
    return result


def _by_threshold(target: np.ndarray, score: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R, T) weight of positives and of negatives at each distinct score, lowest score first."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    ordered_weights = weights[:, order]
    ordered_target = target[order].astype(np.float64)
    positive = np.add.reduceat(ordered_weights * ordered_target, starts, axis=1)
    negative = np.add.reduceat(ordered_weights * (1 - ordered_target), starts, axis=1)
    return positive, negative
