"""How much the samples of a group resemble each other, and how many independent ones they are worth."""

from __future__ import annotations

import numpy as np


def intraclass_correlation(values: np.ndarray, groups: np.ndarray) -> float:
    """Share of the variance that lies between groups, 0 (samples of a group are like any others) to 1 (all the same).

    The estimator of the analysis of variance, (B - W) / (B + (n0 - 1) W) with the mean squares between and within
    groups and n0 = (N - sum n^2 / N) / (G - 1), cut to 0 to 1. 1 for a single group, where it is unknown; 0 where
    all values are equal, or every sample is a group of its own.

    Args:
        values: (N,) numbers, or whether a sample has a label.
        groups: (N,) codes of the groups, 0 to G - 1, each of them used.

    Source: Donner and Koval 1980, doi:10.2307/2530491; for shares, Ridout, Demetrio and Firth 1999,
        doi:10.1111/j.0006-341X.1999.00137.x.
    """
    sizes, values = np.bincount(groups), values.astype(np.float64)
    num, num_groups = len(values), len(sizes)
    if num_groups < 2:
        return 1.0
    if num == num_groups:
        return 0.0
    means = np.bincount(groups, values) / sizes
    between = float((sizes * (means - values.mean()) ** 2).sum() / (num_groups - 1))
    within = float(((values - means[groups]) ** 2).sum() / (num - num_groups))
    usual = (num - float((sizes**2).sum()) / num) / (num_groups - 1)
    total = between + (usual - 1) * within
    return float(np.clip((between - within) / total, 0, 1)) if total > 0 else 0.0


def effective_number(sizes: np.ndarray, correlation: float) -> float:
    """The number of independent samples that groups of these sizes are worth: n / (1 + (m - 1) correlation).

    m is the mean size of the group that a sample is in, sum n^2 / sum n.

    Source: the design effect, Kish 1965, Survey Sampling, section 5.4; for unequal sizes, Kerry and Bland 2001,
        doi:10.1002/1097-0258(20010215)20:3<377::AID-SIM799>3.0.CO;2-N.
    """
    total = float(sizes.sum())
    return total / (1 + (float((sizes.astype(np.float64) ** 2).sum()) / total - 1) * correlation) if total else 0.0
