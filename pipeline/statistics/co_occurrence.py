"""Which labels are found on the same samples, and how strongly they go together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array


def count_together(labels: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
    """(K, K) samples that have both labels; the diagonal holds the size of each class."""
    position = {name: column for column, name in enumerate(classes)}
    columns = [position[name] for names in labels for name in set(names)]
    ends = np.cumsum([0, *(len(set(names)) for names in labels)])
    has = csr_array((np.ones(len(columns), dtype=np.int64), columns, ends), shape=(len(labels), len(classes)))
    return np.asarray((has.T @ has).toarray())  # sparse: a million samples of a thousand classes fit in memory


def association(counts: np.ndarray, num_samples: int) -> np.ndarray:
    """(K, K) how strongly two labels go together, 0 (no more than by chance) to 1 (always both or neither).

    Bias-corrected Cramer's V of the 2 x 2 table of two labels where they share more samples than chance would give,
    else 0: labels that avoid each other, as all labels of a single-label task do, do not go together. 0 too for a label
    that no sample or every sample has.

    Args:
        counts: (K, K) as `count_together` returns them.
        num_samples: At least 2.

    Source: V is |phi| in a 2 x 2 table, Cramer 1946, Mathematical Methods of Statistics, 21.9; its correction for what
        chance alone gives, Bergsma 2013, doi:10.1016/j.jkss.2012.10.002.
    """
    sizes = counts.diagonal().astype(np.float64)
    spread = sizes * (num_samples - sizes)
    scale = np.sqrt(np.outer(spread, spread))
    excess = num_samples * counts - np.outer(sizes, sizes)
    phi = np.divide(excess, scale, out=np.zeros(counts.shape), where=scale > 0)
    by_chance = 1 / (num_samples - 1)
    corrected = np.maximum(0, phi**2 - by_chance) / (1 - by_chance) if num_samples > 2 else np.zeros(counts.shape)
    return np.where(phi > 0, np.sqrt(corrected), 0.0)
