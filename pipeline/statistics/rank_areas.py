"""How well scores rank the samples of a class above the others: the areas under two curves, over many weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.statistics.classification import ratio
from pipeline.statistics.reuse import once_per_arrays

BLOCK_CELLS = 4_000_000  # weights taken at once: 32 MB


@once_per_arrays
def roc_auc(targets: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted one-against-the-rest AUC, ties counted half.

    Args:
        targets: (N, K) in {0, 1}.
        scores: (N, K).
        weights: (R, N).

    Returns:
        (R, K), read-only; NaN where a resample has only one side.
    """
    return _of_each_class(_area_under_roc, targets, scores, weights)


@once_per_arrays
def average_precision(targets: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sum over thresholds of precision x gain of recall, as in scikit-learn.

    Args and returns as `roc_auc`; NaN where a resample has no positive.
    """
    return _of_each_class(_area_under_precision, targets, scores, weights)


def _of_each_class(
    area: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    targets: np.ndarray,
    scores: np.ndarray,
    weights: np.ndarray,
) -> np.ndarray:
    result = np.full((len(weights), targets.shape[1]), np.nan)
    rows = max(1, BLOCK_CELLS // max(1, len(targets)))
    for start in range(0, len(weights), rows):
        block = np.ascontiguousarray(weights[start : start + rows].T, dtype=np.float64)
        for column in range(targets.shape[1]):
            target = targets[:, column] > 0
            if target.any():
                result[start : start + rows, column] = area(target, scores[:, column], block)
    result.flags.writeable = False
    return result


def _area_under_roc(target: np.ndarray, score: np.ndarray, block: np.ndarray) -> np.ndarray:
    if 2 * target.sum() > len(target):  # the fewer samples give thresholds, the faster
        target, score = ~target, -score
    positive, tied, between = _sum_by_threshold(target, score, block)
    below = np.cumsum(between[:-1] + tied, axis=0) - tied
    pairs = (positive * (below + tied / 2)).sum(axis=0)
    possible = positive.sum(axis=0) * (between.sum(axis=0) + tied.sum(axis=0))
    return ratio(pairs, possible, 0 * possible)


def _area_under_precision(target: np.ndarray, score: np.ndarray, block: np.ndarray) -> np.ndarray:
    positive, tied, between = _sum_by_threshold(target, -score, block)  # the highest score first
    hit, decided = np.cumsum(positive, axis=0), np.cumsum(positive + tied + between[:-1], axis=0)
    precision = ratio(hit, decided, 1 + 0 * decided)
    possible = positive.sum(axis=0)
    return ratio((precision * positive).sum(axis=0), possible, 0 * possible)


def _sum_by_threshold(
    target: np.ndarray, score: np.ndarray, block: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The weights of positives and negatives, summed at and between the T distinct scores of the positives.

    A sparse product reads each weight once; sorting them took 15 times as long.

    Args:
        target: (N,) bool.
        score: (N,).
        block: (N, R) weights.

    Returns:
        (T, R) of positives and (T, R) of negatives at each score, lowest first; (T + 1, R) of negatives below the
        first, between two, and above the last.
    """
    from scipy.sparse import csr_array

    thresholds = np.unique(score[target])
    place = np.searchsorted(thresholds, score)
    at = np.append(thresholds, np.nan)[place] == score
    bins = 3 * place + np.where(target, 2, at)
    one_each = csr_array((np.ones(len(bins)), (bins, np.arange(len(bins)))), shape=(3 * len(thresholds) + 1, len(bins)))
    sums = one_each @ block
    return sums[2::3], sums[1::3], sums[0::3]
