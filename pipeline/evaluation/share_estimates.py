"""Shares of samples, and the difference of two shares of the same samples, with 95 % intervals over groups."""

from __future__ import annotations

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.evaluation.paired_comparison import paired_difference
from pipeline.statistics.bootstrap import Basis, Bootstrap, share_interval


def estimate_share(hits: np.ndarray, parts: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """The mean over parts of the share of hits in each.

    Args:
        hits: (N,) bool.
        parts: (N, S) bool, the samples of each part; (N, 1) all true gives the plain share, one column a class the
            balanced accuracy. Parts without a sample are left out.
        groups: (N,) of the samples.
        bootstrap: How groups are resampled, where there are more than 100.
    """
    parts = parts[:, parts.any(axis=0)]
    rows = parts.any(axis=1)
    hits, parts, groups = hits[rows].astype(np.float64), parts[rows].astype(np.float64), groups[rows]
    if not len(hits):
        return Estimate(value=None, low=None, high=None, n=0, groups=0)

    def share(weights: np.ndarray) -> np.ndarray:
        sizes = weights @ parts
        found = weights @ (hits[:, None] * parts)
        shares = np.divide(found, sizes, out=np.full_like(found, np.nan), where=sizes > 0)
        return np.asarray(shares.mean(axis=1))

    weights = bootstrap.replicates(groups)
    basis = Basis.of(parts > 0, groups)
    value, varied = float(share(np.ones((1, len(hits))))[0]), np.concatenate([share(block) for block in weights])
    interval = share_interval(value, varied, weights, basis.n, basis.groups)
    low, high, cautious = interval or (None, None, "")
    caveat = basis.caveat(interval is not None, cautious)
    return Estimate(value=value, low=low, high=high, n=len(hits), groups=int(basis.groups), caveat=caveat)


def estimate_difference(first: np.ndarray, second: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """The share of hits in `first` minus that in `second`, (N,) bool each of the same samples, paired."""
    if not len(first):
        return Estimate(value=None, low=None, high=None, n=0, groups=0)
    gains = first.astype(np.float64) - second.astype(np.float64)
    weights = bootstrap.replicates(groups)
    varied = np.concatenate([block @ gains / block.sum(axis=1) for block in weights])
    basis = Basis.of(np.ones((len(gains), 1), dtype=bool), groups)
    return paired_difference(float(gains.mean()), varied, weights, basis, len(gains))
