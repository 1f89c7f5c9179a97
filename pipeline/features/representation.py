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


def alignment(first: np.ndarray, second: np.ndarray) -> float:
    """The mean squared distance between directions of pairs: 0 where both have the same direction, 4 at most.

    Args:
        first: (N, D) floating point, N at least 1.
        second: (N, D); row n belongs to row n of the first.

    Source: Wang and Isola 2020, arXiv:2005.10242, equation 1 with the exponent 2.
    """
    return float(np.square(directions(first) - directions(second)).sum(axis=1).mean())


def uniformity(features: np.ndarray) -> float:
    """How evenly directions fill the sphere: 0 where all are the same, about -4 where they are at right angles.

    The logarithm of the mean of exp(-2 x squared distance) over all pairs of different rows.

    Args:
        features: (N, D) floating point, N at least 2; N^2 numbers are held.

    Source: Wang and Isola 2020, arXiv:2005.10242, equation 2 with t = 2.
    """
    points = directions(features)
    lengths = np.square(points).sum(axis=1)
    distances = np.maximum(lengths[:, None] + lengths[None, :] - 2 * points @ points.T, 0)
    pairs = distances[~np.eye(len(points), dtype=bool)]
    return float(np.log(np.exp(-2 * pairs).mean()))


def spread(features: np.ndarray) -> float:
    """The root mean squared distance of directions from their mean: 0 where all are the same, 1 at most.

    Args:
        features: (N, D) floating point, N at least 1.
    """
    points = directions(features)
    return float(np.sqrt(np.square(points - points.mean(axis=0)).sum(axis=1).mean()))


def directions(features: np.ndarray) -> np.ndarray:
    """(N, D) float64: the features with length 1; those without length stay 0."""
    found = np.asarray(features, dtype=np.float64)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.where(lengths > 0, lengths, 1)
