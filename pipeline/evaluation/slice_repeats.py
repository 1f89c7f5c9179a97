"""Which weak slices only repeat others: among pictures with equal parts in these they are no weaker than the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pipeline.evaluation.slice_search import signed_root

LIMIT = 1.645  # of a standard normal number: 5 % lie above


def find_repeats(slices: Sequence[np.ndarray], is_right: np.ndarray) -> list[int | None]:
    """For each weak slice the one that it repeats; None where it stands for itself.

    The slices are gone through from the strongest finding to the least. One repeats those before it if it is not weaker
    than other pictures that are in the same ones of them and outside the same. So a part of a weak slice that is as
    weak as the whole repeats it, and so does a larger slice that is weak because of its part. Of several that with
    which it shares the most mistakes is named.

    The test takes pictures as independent and is not corrected for the number of slices, so a slice is rather shown
    than folded: one too many costs a line, and one too few a finding.

    Args:
        slices: Positions of the samples of each weak slice.
        is_right: (N,) bool.

    Source: the order, Zhang, Assuncao and Kulldorff 2010, doi:10.1155/2010/642379; the test, Mantel and Haenszel 1959,
        doi:10.1093/jnci/22.4.719.
    """
    wrong = ~is_right
    mistakes = [int(wrong[rows].sum()) for rows in slices]
    sizes = np.array([len(rows) for rows in slices])
    strength = signed_root(np.array(mistakes), sizes, int(wrong.sum()), len(wrong))
    strata = np.zeros(len(wrong), dtype=np.int64)
    repeats: list[int | None] = [None] * len(slices)
    shown: dict[int, np.ndarray] = {}  # to the mask of its samples
    for one in np.lexsort((np.arange(len(slices)), -strength)).tolist():
        rows = slices[one]
        if shown and deviation(rows, wrong, strata) <= LIMIT:
            repeats[one] = max(shown, key=lambda other: _share_of_mistakes(rows, shown[other], wrong))
            continue
        shown[one] = np.zeros(len(wrong), dtype=bool)
        shown[one][rows] = True
        strata = np.unique(2 * strata + shown[one], return_inverse=True)[1]
    return repeats


def _share_of_mistakes(rows: np.ndarray, other: np.ndarray, wrong: np.ndarray) -> float:
    """Mistakes in both slices as a share of those in either, the Jaccard index; `other` is a mask of all samples."""
    both = int((other & wrong)[rows].sum())
    return both / max(1, int(wrong[rows].sum()) + int((other & wrong).sum()) - both)


def deviation(rows: np.ndarray, wrong: np.ndarray, strata: np.ndarray) -> float:
    """By how many standard deviations the mistakes of a slice exceed those that its strata let expect.

    Args:
        rows: Positions of its samples.
        wrong: (N,) bool.
        strata: (N,) code of each sample's stratum, 0 to S - 1, each used.

    Returns:
        With the correction for whole counts; minus infinity where no other number of mistakes is possible.
    """
    total, part = np.bincount(strata), np.bincount(strata[rows], minlength=strata.max() + 1)
    share = np.bincount(strata, wrong) / total
    variance = float((part * share * (1 - share) * (total - part) / np.maximum(total - 1, 1)).sum())
    excess = float(wrong[rows].sum() - part @ share) - 0.5
    return excess / math.sqrt(variance) if variance > 0 else -math.inf
