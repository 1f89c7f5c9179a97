"""Which of many slices are weaker than the rest of test, corrected for how many were looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import xlogy

from pipeline.statistics.permutation import (
    block_permutations,
    combine_p_values,
    least_possible,
    rotations,
    significant_from,
    usable,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ALPHA = 0.05
MOST, FEWEST = 999, 199  # permutations; fewer for many samples, so that the search takes seconds
WEAKER, NOT_SHOWN, UNKNOWN = "weaker", "not shown", "cannot be judged"
CHUNK_CELLS = 20_000_000  # numbers held at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Search:
    """What the search found, an entry for each of S slices.

    Attributes:
        p_values: (S,) of "no weaker than the rest", corrected for all slices together.
        found_from: (S,) the highest accuracy of the slice that would have been found weaker with as many mistakes in
            test; NaN where none would.
    """

    p_values: np.ndarray
    found_from: np.ndarray

    @property
    def verdicts(self) -> list[str]:
        """`weaker`, `not shown`, or `cannot be judged` where no accuracy would have been found weaker."""
        return [
            WEAKER if p <= ALPHA else UNKNOWN if np.isnan(found) else NOT_SHOWN
            for p, found in zip(self.p_values, self.found_from, strict=True)
        ]


def search_slices(is_right: np.ndarray, slices: Sequence[np.ndarray], groups: np.ndarray, seed: int) -> Search:
    """Tests for each slice whether its accuracy is below that of the other samples.

    The statistic is the signed root of the log likelihood ratio of Kulldorff's scan statistic. Its distribution without
    a weak slice comes from permutations of right and wrong: blocks of whole groups are exchanged between groups of
    similar size, and the samples of each group are rotated, so that resemblance within groups is kept. Single-step
    max T over all slices corrects for their number, whatever they have in common; two kinds of permutation share the
    level. Exchanged groups find slices that hold whole groups, rotations those that divide groups: what rotations find
    holds for the groups of test. With few groups of different size only rotations can find anything.

    Args:
        is_right: (N,) bool.
        slices: Positions of the samples of each of S slices.
        groups: (N,) label of each sample's group.
        seed: Seed of the permutations.

    Source: Kulldorff 1997, doi:10.1080/03610929708831995; restricted permutation, Winkler et al. 2015,
        doi:10.1016/j.neuroimage.2015.05.092; max T, Westfall and Young 1993, Resampling-Based Multiple Testing.
    """
    wrong, sizes = ~is_right, np.array([len(rows) for rows in slices])
    num_wrong, num_samples = int(wrong.sum()), len(wrong)
    if not len(slices) or num_wrong in (0, num_samples):
        return Search(p_values=np.ones(len(slices)), found_from=np.full(len(slices), np.nan))
    codes, members = np.unique(groups, return_inverse=True)[1], _members(slices, num_samples)
    num_permutations = max(FEWEST, min(MOST, CHUNK_CELLS // num_samples))
    shuffles = [block_permutations(codes, num_permutations, seed)]
    if codes.max() < num_samples - 1:  # a group of one cannot be rotated
        shuffles.append(rotations(codes, np.arange(num_samples), num_permutations, seed + 1))
    statistics = [
        signed_root(_count(members, wrong, each), sizes, num_wrong, num_samples)[:, :, None] for each in shuffles
    ]
    p_values, _ = combine_p_values(statistics, ALPHA)
    limits = _limits(statistics)
    return Search(p_values=p_values[:, 0], found_from=_found_from(limits, sizes, num_wrong, num_samples))


def signed_root(wrong: np.ndarray, sizes: np.ndarray, num_wrong: int, num_samples: int) -> np.ndarray:
    """Root of twice the log likelihood ratio of two error rates against one, negative where the slice has the lower.

    Args:
        wrong: (..., S) mistakes in each slice.
        sizes: (S,) samples of each.
        num_wrong: Mistakes of all samples.
        num_samples: All samples; a slice of all has 0.
    """
    inside = np.asarray(wrong, dtype=np.float64)
    outside, others = num_wrong - inside, num_samples - sizes
    ratio = (
        _log_likelihood(inside, sizes)
        + _log_likelihood(outside, others)
        - _log_likelihood(np.array(float(num_wrong)), np.array(num_samples))
    )
    sign = np.sign(inside * others - outside * sizes)
    return np.asarray(sign * np.sqrt(2 * np.maximum(ratio, 0)))


def _log_likelihood(hits: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    share = hits / np.maximum(sizes, 1)
    return np.asarray(xlogy(hits, share) + xlogy(sizes - hits, 1 - share))


def _members(slices: Sequence[np.ndarray], num_samples: int) -> csr_matrix:
    from scipy.sparse import csr_matrix

    starts = np.cumsum([0, *map(len, slices)])
    columns = np.concatenate(slices)
    return csr_matrix((np.ones(len(columns), dtype=np.float32), columns, starts), (len(slices), num_samples))


def _count(members: csr_matrix, wrong: np.ndarray, permutations: Iterable[np.ndarray]) -> np.ndarray:
    """(M, S) mistakes in each slice: the true ones, then those of each permutation."""
    width = max(1, CHUNK_CELLS // len(wrong))
    counts, block = [], [wrong.astype(np.float32)]
    for destinations in permutations:
        permuted = np.empty(len(wrong), dtype=np.float32)
        permuted[destinations] = wrong
        block.append(permuted)
        if len(block) == width:
            counts.append(members @ np.stack(block, axis=1))
            block = []
    if block:
        counts.append(members @ np.stack(block, axis=1))
    return np.concatenate(counts, axis=1).T


def _limits(statistics: list[np.ndarray]) -> np.ndarray:
    """(S,) the statistic above which a slice is found by one of the kinds of permutation in use."""
    used = usable([float(least_possible(one).min()) for one in statistics], ALPHA)
    limits = [significant_from(statistics[at], ALPHA / len(used))[:, 0] for at in used]
    return np.asarray(np.min(limits, axis=0))


def _found_from(limits: np.ndarray, sizes: np.ndarray, num_wrong: int, num_samples: int) -> np.ndarray:
    """(S,) accuracy at the fewest mistakes whose statistic is above the limit; by bisection, since it grows with them.

    Args:
        limits: (S,) infinite where nothing would be found.
        sizes: (S,).
        num_wrong: Mistakes of all samples, which the slice has at most.
        num_samples: All samples.
    """
    most = np.minimum(sizes, num_wrong)
    possible = signed_root(most, sizes, num_wrong, num_samples) > limits
    low, high = np.maximum(0, num_wrong - (num_samples - sizes)) - 1, most.copy()
    while (high - low > 1).any():
        middle = (low + high) // 2
        above = signed_root(middle, sizes, num_wrong, num_samples) > limits
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(possible, 1 - high / np.maximum(sizes, 1), np.nan)
