"""Bins of numbers and categories; the bins of numbers have about equal size."""

from __future__ import annotations

import numpy as np

NUM_BINS = 16
OTHER = NUM_BINS - 1  # the bin of a category's rarer values
MANY_BINS = 256  # for a category with more values than bins, where each value keeps a bin


def quantile_bins(values: np.ndarray) -> np.ndarray:
    """(N,) bins 0 to 15 of equal size of numbers, equal numbers in one bin; 16 where the number is missing."""
    return digitize(values, bin_edges(values))


def bin_edges(values: np.ndarray) -> list[float]:
    """The lower edge of each bin but the first, at most 15 numbers; the bins of these numbers have equal size."""
    from scipy.stats import rankdata

    known = np.sort(values[np.isfinite(values)])
    middle = rankdata(known) - 0.5
    bins = (middle * NUM_BINS / max(1, len(middle))).astype(np.int64)
    first = np.searchsorted(bins, np.arange(1, NUM_BINS))
    return [float(known[one]) for one in first[first < len(known)]]


def digitize(values: np.ndarray, edges: list[float]) -> np.ndarray:
    """(N,) bins of numbers between the edges; 16 where the number is missing."""
    return np.where(np.isfinite(values), np.searchsorted(edges, values, side="right"), NUM_BINS)


def frequency_bins(codes: np.ndarray, num_bins: int = NUM_BINS) -> np.ndarray:
    """(N,) bins of a category's values: 0 to 14 for the commonest, 15 for all others, 16 for a missing one (-1).

    With `num_bins` bins, bin `num_bins` - 1 is for all others, and `num_bins` for a missing value.
    """
    sizes = np.bincount(codes[codes >= 0], minlength=1)
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return np.where(codes >= 0, np.minimum(rank[np.maximum(codes, 0)], num_bins - 1), num_bins)
