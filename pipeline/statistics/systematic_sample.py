"""A sample that is spread over strata."""

from __future__ import annotations

import numpy as np


def sample_evenly(codes: np.ndarray, most: int, seed: int) -> np.ndarray:
    """(n,) positions, ascending: all, or `most` of them at equal steps, in random order within equal codes.

    Args:
        codes: (N,) of the strata, each of which then has about its share of the sample.
        most: Size of the sample.
        seed: Of the order.

    Source: systematic sampling from an ordered list; Cochran 1977, Sampling Techniques, chapter 8.
    """
    if len(codes) <= most:
        return np.arange(len(codes))
    order = np.lexsort((np.random.default_rng(seed).random(len(codes)), codes))
    steps = (np.arange(most) + 0.5) * len(codes) / most
    return np.sort(order[steps.astype(np.int64)])
