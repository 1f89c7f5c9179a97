"""Spearman's rank correlation of many rows of numbers."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def unit_ranks(rows: np.ndarray) -> np.ndarray:
    """(N, P) ranks of each row, centred and of length 1; NaN in a row whose numbers are all equal.

    The product of two such rows is Spearman's rank correlation of the rows, with ties at their mean rank.

    Args:
        rows: (N, P) finite numbers.

    Source: Spearman 1904, doi:10.2307/1412159.
    """
    if not rows.size:
        return np.zeros(rows.shape)
    ranks = rankdata(rows, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.divide(ranks, lengths, out=np.full_like(ranks, np.nan), where=lengths > 1e-9)
