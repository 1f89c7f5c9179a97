"""Split-conformal prediction sets: thresholds of scores for a stated coverage, also of samples in groups."""

from __future__ import annotations

import math

import numpy as np

ROUNDING = 1e-9  # of a sum of weights


def conformal_threshold(scores: np.ndarray, groups: np.ndarray, coverage: float) -> float | None:
    """The least score of a class with which it is in the prediction set; None where there are too few groups.

    A new sample of a new group, which is exchangeable with these groups, then has its true class in its set with
    probability at least `coverage`. Each group counts the same, and so does each sample within it; the new group itself
    counts as one that no set covers. With one sample per group this is the ceil((n + 1) coverage)-th highest score.

    Args:
        scores: (N,) of the true class of each sample.
        groups: (N,) of each sample; all different where samples are independent.
        coverage: Above 0 and below 1.

    Source: Angelopoulos and Bates 2021, arXiv:2107.07511, section 1; for groups Lee, Barber and Willett 2023,
        arXiv:2306.06342, hierarchical conformal prediction.
    """
    if not len(scores):
        return None
    _, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(-scores, kind="stable")
    weights = 1 / ((len(sizes) + 1) * sizes[members[order]])
    reached = np.cumsum(weights) >= coverage - ROUNDING
    return float(scores[order][reached.argmax()]) if reached.any() else None


def least_groups(coverage: float) -> int:
    """The number of groups below which `conformal_threshold` gives none: 9 for a coverage of 0.9.

    Raises:
        ValueError: `coverage` is not above 0 and below 1.
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must be above 0 and below 1, got {coverage}")
    return math.ceil(coverage / (1 - coverage) - ROUNDING)
