"""A classifier on the bins of one property, and its out-of-fold balanced accuracy."""

from __future__ import annotations

import numpy as np

from pipeline.statistics.binning import NUM_BINS


def smoothing_kernel(ordered: bool, num_samples: float) -> np.ndarray:
    """(17, 17) weight of a sample in one bin for another bin: Gaussian between ordered bins, 0 between others.

    Args:
        ordered: Whether the bins are of numbers.
        num_samples: Mean number of samples of a class.

    Source: width of the normal reference rule, Silverman 1986, Density Estimation, equation 3.28, of uniform ranks.
    """
    result = np.eye(NUM_BINS + 1)
    if ordered:
        width = 1.06 / np.sqrt(12) * max(1.0, num_samples) ** -0.2 * NUM_BINS
        bins = np.arange(NUM_BINS)
        result[:NUM_BINS, :NUM_BINS] = np.exp(-0.5 * ((bins[:, None] - bins) / width) ** 2)
    return result


class BinCounts:
    """The cell of each sample, property, fold and bin in one number, so that any labels are counted in one pass."""

    def __init__(self, bins: np.ndarray, folds: np.ndarray, num_bins: int = NUM_BINS) -> None:
        """Takes (P, N) bins, 0 to `num_bins`, and (N,) folds."""
        self.shape = (len(bins), int(folds.max()) + 1, num_bins + 1)
        self.cell = ((np.arange(len(bins))[:, None] * self.shape[1] + folds) * self.shape[2] + bins).astype(np.int64)

    def count(self, rows: np.ndarray, classes: np.ndarray, num_classes: int) -> np.ndarray:
        """(P, F, B, K) samples of each class, counted from (row, class) pairs that occur at most once."""
        keys = self.cell[:, rows] * num_classes + classes
        counts = np.bincount(keys.ravel(), minlength=int(np.prod(self.shape)) * num_classes)
        return counts.reshape(*self.shape, num_classes).astype(np.float32)

    def count_all(self) -> np.ndarray:
        """(P, F, B, 1) samples, with or without a class."""
        return np.bincount(self.cell.ravel(), minlength=int(np.prod(self.shape))).reshape(*self.shape, 1)


def class_densities(counts: np.ndarray, kernels: np.ndarray | None) -> np.ndarray:
    """(P, F, B, K) share of each class near each bin in the other folds; 0 for an empty class.

    Args:
        counts: (P, F, B, K).
        kernels: (P, B, B); None where bins are independent of each other.
    """
    others = counts.sum(axis=1, keepdims=True) - counts
    size = others.sum(axis=2, keepdims=True)
    smooth = others if kernels is None else np.matmul(kernels[:, None], others)
    return np.divide(smooth, size, out=np.zeros_like(smooth), where=size > 0)


def balanced_accuracy(one: np.ndarray, other: np.ndarray, kernels: np.ndarray | None) -> np.ndarray:
    """(P, K) out-of-fold mean recall of two sides: a bin predicts the side that is denser there in the other folds.

    The sizes of the sides do not matter, since each density is a share of its own side. A tie counts half. 0.5 is
    chance; the result is also 0.5 where a side is empty.

    Args:
        one: (P, F, B, K) counts of one side, for example of the samples that have each label.
        other: (P, F, B, K) counts of the other side, for example of the samples that lack it.
        kernels: (P, B, B), one for each property; None where bins are independent of each other.
    """
    return _recall(one, other, class_densities(one, kernels), class_densities(other, kernels))


def best_pair(counts: np.ndarray, kernels: np.ndarray | None) -> tuple[int, int, float]:
    """The two classes that one property separates best, and its balanced accuracy on their samples.

    Args:
        counts: (F, B, K).
        kernels: (1, B, B); None where bins are independent of each other.
    """
    near = class_densities(counts[None], kernels)[0]
    best = (0, 0, 0.5)
    for one in range(counts.shape[2] - 1):
        first, later = slice(one, one + 1), slice(one + 1, None)
        recalls = _recall(
            counts[None, ..., first], counts[None, ..., later], near[None, ..., first], near[None, ..., later]
        )[0]
        other = int(recalls.argmax())
        if recalls[other] > best[2]:
            best = (one, one + 1 + other, float(recalls[other]))
    return best


def _recall(one: np.ndarray, other: np.ndarray, near_one: np.ndarray, near_other: np.ndarray) -> np.ndarray:
    """(P, K) mean recall of two sides when each of the (P, F, B, K) bins predicts the denser side."""
    slack = 1e-6 * (near_one + near_other)  # sums in float32 tie only up to rounding
    predicts_one = np.where(near_one > near_other + slack, 1.0, np.where(near_other > near_one + slack, 0.0, 0.5))
    size, other_size = one.sum(axis=(1, 2)), other.sum(axis=(1, 2))
    hits = (one * predicts_one).sum(axis=(1, 2)) / np.maximum(size, 1)
    rest = (other * (1 - predicts_one)).sum(axis=(1, 2)) / np.maximum(other_size, 1)
    return np.where((size > 0) & (other_size > 0), (hits + rest) / 2, 0.5)
