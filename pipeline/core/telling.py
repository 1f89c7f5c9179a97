"""How well one property alone tells which labels a sample has: out-of-fold balanced accuracy, AUC, Cramer's V."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

NUM_BINS = 16
OTHER = NUM_BINS - 1  # the bin of a category's rarer values
MANY_BINS = 256  # where a category has more values than bins, and each is asked for what it tells


def binned(values: np.ndarray) -> np.ndarray:
    """(N,) bins 0 to 15 of equal size of numbers, equal numbers in one bin; 16 where the number is missing."""
    return apart(values, edges(values))


def edges(values: np.ndarray) -> list[float]:
    """Where each bin but the first begins, at most 15 numbers, so that the bins of these numbers are of equal size."""
    known = np.sort(values[np.isfinite(values)])
    middle = rankdata(known) - 0.5
    bins = (middle * NUM_BINS / max(1, len(middle))).astype(np.int64)
    first = np.searchsorted(bins, np.arange(1, NUM_BINS))
    return [float(known[one]) for one in first[first < len(known)]]


def apart(values: np.ndarray, edges: list[float]) -> np.ndarray:
    """(N,) bins of numbers between the edges; 16 where the number is missing."""
    return np.where(np.isfinite(values), np.searchsorted(edges, values, side="right"), NUM_BINS)


def sorted_out(codes: np.ndarray, num_bins: int = NUM_BINS) -> np.ndarray:
    """(N,) bins of a category's values: 0 to 14 for the commonest, 15 for all others, 16 for a missing one (-1).

    Of another number of bins than 16 the last is that of all others, and the number itself that of a missing one.
    """
    sizes = np.bincount(codes[codes >= 0], minlength=1)
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return np.where(codes >= 0, np.minimum(rank[np.maximum(codes, 0)], num_bins - 1), num_bins)


def kernel(ordered: bool, num_samples: float) -> np.ndarray:
    """(17, 17) how much a sample in one bin tells of another: Gaussian between ordered bins, nothing between others.

    Args:
        ordered: Whether the bins are of numbers.
        num_samples: Of a class, on average.

    Source: width of the normal reference rule, Silverman 1986, Density Estimation, equation 3.28, of uniform ranks.
    """
    result = np.eye(NUM_BINS + 1)
    if ordered:
        width = 1.06 / np.sqrt(12) * max(1.0, num_samples) ** -0.2 * NUM_BINS
        bins = np.arange(NUM_BINS)
        result[:NUM_BINS, :NUM_BINS] = np.exp(-0.5 * ((bins[:, None] - bins) / width) ** 2)
    return result


class Cells:
    """Where each sample lies: property, fold and bin in one number, so that any labels are counted in one pass."""

    def __init__(self, bins: np.ndarray, folds: np.ndarray, num_bins: int = NUM_BINS) -> None:
        """Of (P, N) bins, 0 to `num_bins`, and (N,) folds."""
        self.shape = (len(bins), int(folds.max()) + 1, num_bins + 1)
        self.cell = ((np.arange(len(bins))[:, None] * self.shape[1] + folds) * self.shape[2] + bins).astype(np.int64)

    def count(self, rows: np.ndarray, classes: np.ndarray, num_classes: int) -> np.ndarray:
        """(P, F, B, K) samples of each class; of (row, class) pairs, each at most once."""
        keys = self.cell[:, rows] * num_classes + classes
        counts = np.bincount(keys.ravel(), minlength=int(np.prod(self.shape)) * num_classes)
        return counts.reshape(*self.shape, num_classes).astype(np.float32)

    def count_all(self) -> np.ndarray:
        """(P, F, B, 1) samples of any class or none."""
        return np.bincount(self.cell.ravel(), minlength=int(np.prod(self.shape))).reshape(*self.shape, 1)


def density(counts: np.ndarray, kernels: np.ndarray | None) -> np.ndarray:
    """(P, F, B, K) share of each class near each bin, learnt from the other folds; 0 of an empty class.

    Args:
        counts: (P, F, B, K).
        kernels: (P, B, B); None where no bin tells of another.
    """
    others = counts.sum(axis=1, keepdims=True) - counts
    size = others.sum(axis=2, keepdims=True)
    smooth = others if kernels is None else np.matmul(kernels[:, None], others)
    return np.divide(smooth, size, out=np.zeros_like(smooth), where=size > 0)


def balanced_accuracy(one: np.ndarray, other: np.ndarray, kernels: np.ndarray | None) -> np.ndarray:
    """(P, K) out-of-fold mean recall of two sides, each bin decided by the side that is denser there in other folds.

    Which side is larger does not matter, as each density is a share of its own side. A draw counts half. 0.5 is
    chance, and what is given where a side is empty.

    Args:
        one: (P, F, B, K) counts, of the samples that have each label, for instance.
        other: The same of those that lack it.
        kernels: (P, B, B), one for each property; None where no bin tells of another.
    """
    return _recall(one, other, density(one, kernels), density(other, kernels))


def best_pair(counts: np.ndarray, kernels: np.ndarray | None) -> tuple[int, int, float]:
    """Which two classes one property tells apart best, and its balanced accuracy on their samples.

    Args:
        counts: (F, B, K).
        kernels: (1, B, B); None where no bin tells of another.
    """
    near = density(counts[None], kernels)[0]
    best = (0, 0, 0.5)
    for one in range(counts.shape[2] - 1):
        mine, beside = slice(one, one + 1), slice(one + 1, None)
        told = _recall(
            counts[None, ..., mine], counts[None, ..., beside], near[None, ..., mine], near[None, ..., beside]
        )
        other = int(told[0].argmax())
        if told[0, other] > best[2]:
            best = (one, one + 1 + other, float(told[0, other]))
    return best


def _recall(one: np.ndarray, other: np.ndarray, near_one: np.ndarray, near_other: np.ndarray) -> np.ndarray:
    """(P, K) mean recall of two sides whose (P, F, B, K) bins go to the denser one."""
    slack = 1e-6 * (near_one + near_other)  # sums in float32 draw only up to rounding
    chosen = np.where(near_one > near_other + slack, 1.0, np.where(near_other > near_one + slack, 0.0, 0.5))
    size, other_size = one.sum(axis=(1, 2)), other.sum(axis=(1, 2))
    hits = (one * chosen).sum(axis=(1, 2)) / np.maximum(size, 1)
    rest = (other * (1 - chosen)).sum(axis=(1, 2)) / np.maximum(other_size, 1)
    return np.where((size > 0) & (other_size > 0), (hits + rest) / 2, 0.5)


def separation(values: np.ndarray, positive: np.ndarray) -> float:
    """AUC of one property for a class against the rest, turned to be at least 0.5; 0.5 when one side is empty.

    Source: as the Mann-Whitney statistic, Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.
    """
    known = np.isfinite(values)
    ranks, positive = rankdata(values[known]), positive[known]
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    if not num_positive or not num_negative:
        return 0.5
    area = (ranks[positive].sum() - num_positive * (num_positive + 1) / 2) / (num_positive * num_negative)
    return float(max(area, 1 - area))


def cramers_v(table: np.ndarray) -> float:
    """How strongly rows and columns of counts go together, 0 (chance) to 1, corrected for what chance alone gives.

    phi2 = chi2 / n, less (r - 1)(c - 1) / (n - 1); divided by the smaller of r' - 1 and c' - 1 with
    r' = r - (r - 1)^2 / (n - 1). Empty rows and columns are left out.

    Source: Bergsma 2013, doi:10.1016/j.jkss.2012.10.002.
    """
    kept = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0].astype(np.float64)
    size, (num_rows, num_columns) = kept.sum(), kept.shape
    if size < 2 or min(num_rows, num_columns) < 2:
        return 0.0
    expected = np.outer(kept.sum(axis=1), kept.sum(axis=0)) / size
    phi2 = max(0.0, ((kept - expected) ** 2 / expected).sum() / size - (num_rows - 1) * (num_columns - 1) / (size - 1))
    least = min(num_rows - (num_rows - 1) ** 2 / (size - 1), num_columns - (num_columns - 1) ** 2 / (size - 1)) - 1
    return float(min(1.0, np.sqrt(phi2 / least))) if least > 0 else 0.0
