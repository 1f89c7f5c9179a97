"""How well two groupings of the same samples agree: best matching, mutual information, adjusted Rand index, purity.

All take (R, K, L) tables of weights, K clusters against L classes, one table for each replicate, and return (R,).
"""

from __future__ import annotations

import numpy as np


def contingency(clusters: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """(K, L) counts of (N,) codes from 0 against (N,) codes from 0."""
    num_classes = int(classes.max(initial=-1)) + 1
    num_clusters = int(clusters.max(initial=-1)) + 1
    cells = np.bincount(clusters * num_classes + classes, minlength=num_clusters * num_classes)
    return np.asarray(cells.reshape(num_clusters, num_classes), dtype=np.float64)


def weighted_tables(
    clusters: np.ndarray, classes: np.ndarray, weights: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """(R, K, L) tables of (N,) clusters and classes under (R, N) weights; `shape` is (K, L)."""
    cells = clusters * shape[1] + classes
    return np.stack([np.bincount(cells, row, minlength=shape[0] * shape[1]).reshape(shape) for row in weights])


def matched_classes(table: np.ndarray) -> np.ndarray:
    """(K,) the class of each cluster under the matching that makes most samples right; -1 for a cluster without one.

    Each class belongs to one cluster at most, so with more clusters than classes some clusters have none.

    Source: Kuhn 1955, doi:10.1002/nav.3800020109, as scipy.optimize.linear_sum_assignment solves it.
    """
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(table, maximize=True)
    result = np.full(len(table), -1)
    result[rows] = columns
    return result


def matched_accuracy(tables: np.ndarray) -> np.ndarray:
    """The largest share that is right if each cluster stands for one class and each class for one cluster, 0 to 1."""
    from scipy.optimize import linear_sum_assignment

    right = [table[linear_sum_assignment(table, maximize=True)].sum() for table in tables]
    return np.asarray(right) / tables.sum(axis=(1, 2))


def purity(tables: np.ndarray) -> np.ndarray:
    """The share of samples of the most frequent class of their cluster, 0 to 1; more clusters raise it."""
    return np.asarray(tables.max(axis=2).sum(axis=1) / tables.sum(axis=(1, 2)))


def mutual_information(tables: np.ndarray) -> np.ndarray:
    """Mutual information over the mean of both entropies, 0 to 1; 1 where neither grouping divides the samples.

    Source: Strehl and Ghosh 2002, JMLR 3, 583-617, with the arithmetic mean, as scikit-learn has it.
    """
    shares = tables / tables.sum(axis=(1, 2), keepdims=True)
    of_clusters, of_classes, of_both = (
        _entropy(one.reshape(len(one), -1)) for one in (shares.sum(axis=2), shares.sum(axis=1), shares)
    )
    mean = (of_clusters + of_classes) / 2
    shared = of_clusters + of_classes - of_both
    return np.where(mean > 1e-12, np.clip(shared / np.maximum(mean, 1e-12), 0, 1), 1.0)


def adjusted_rand(tables: np.ndarray) -> np.ndarray:
    """Pairs on which both agree, scaled so that 1 is the same grouping and 0 the mean by chance; at least -0.5.

    Source: Hubert and Arabie 1985, doi:10.1007/BF01908075, equation 5.
    """
    total = _pairs(tables.sum(axis=(1, 2)))
    both = _pairs(tables).sum(axis=(1, 2))
    of_clusters, of_classes = (_pairs(tables.sum(axis=axis)).sum(axis=1) for axis in (2, 1))
    expected = of_clusters * of_classes / np.maximum(total, 1e-12)
    most = (of_clusters + of_classes) / 2
    return np.where(most - expected > 1e-12, (both - expected) / np.maximum(most - expected, 1e-12), 1.0)


def _pairs(counts: np.ndarray) -> np.ndarray:
    return np.asarray(counts * (counts - 1) / 2)


def _entropy(shares: np.ndarray) -> np.ndarray:
    from scipy.special import entr

    return np.asarray(entr(shares).sum(axis=1))
