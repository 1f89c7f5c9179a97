"""Samples in clusters of like ones."""

from __future__ import annotations

import warnings

import numpy as np

MOST_EXACT = 100  # clusters, above which k-means sees a part of the samples at a time


def find_clusters(features: np.ndarray, number: int, seed: int) -> np.ndarray:
    """(N,) cluster of each of (N, D) features, 0 to `number` - 1, by k-means; some may be empty.

    Args:
        features: At least `number` of them.
        number: Of clusters.
        seed: Of their first centres.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    kind = KMeans if number <= MOST_EXACT else MiniBatchKMeans
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of copies there are fewer clusters than wanted
        codes: np.ndarray = kind(number, n_init=1, random_state=seed).fit_predict(features)
    return codes
