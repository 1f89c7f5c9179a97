"""Figures of features that need no labels."""

from __future__ import annotations

import numpy as np


def effective_rank(features: np.ndarray) -> float:
    """The exponential of the entropy of the singular values: 1 where all features lie on a line through 0, D at most.

    Args:
        features: (N, D) floating point, N at least 1.

    Source: Garrido et al. 2023 (RankMe), arXiv:2210.02885, equation 1.
    """
    values = np.linalg.svd(np.asarray(features, dtype=np.float64), compute_uv=False)
    total = values.sum()
    if not total > 0:
        return 1.0
    shares = values / total
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))
