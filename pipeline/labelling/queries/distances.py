"""Distances between the features of samples, a block at a time."""

from __future__ import annotations

import numpy as np

BLOCK = 2048  # rows whose distances to all others are held at once


def distances_to(features: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(N,) float64 Euclidean distances of (N, D) features to one of them, (D,)."""
    difference = features - centre
    return np.sqrt(np.einsum("nd,nd->n", difference, difference, dtype=np.float64))


def mean_distances(features: np.ndarray, others: np.ndarray, num_neighbours: int, has_itself: bool) -> np.ndarray:
    """(N,) mean Euclidean distance of each row to the nearest others.

    Args:
        features: (N, D).
        others: (M, D), at least one more than a row itself.
        num_neighbours: How many are averaged, at least 1; all where there are fewer.
        has_itself: Whether each row is among the others, and does not count.
    """
    norms = np.einsum("md,md->m", others, others, dtype=np.float64)
    num = min(num_neighbours, len(others) - has_itself)
    result = np.empty(len(features))
    for start in range(0, len(features), BLOCK):
        block = features[start : start + BLOCK]
        own = np.einsum("nd,nd->n", block, block, dtype=np.float64)
        squares = np.maximum(own[:, None] + norms - 2 * (block @ others.T).astype(np.float64), 0)
        if has_itself:
            squares[np.arange(len(block)), start + np.arange(len(block))] = np.inf
        result[start : start + BLOCK] = np.sqrt(np.partition(squares, num - 1, axis=1)[:, :num]).mean(axis=1)
    return result
