"""Groups permuted between two sides: which distances of their means chance explains."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

AT_ONCE = 50  # permutations multiplied together, which bounds the memory
SMALL_SHARE = 0.2  # of the groups that may be smaller than the number of samples taken from each
MOST_OF_GROUP = 200  # samples taken from a group
Distances = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """What is permuted: groups of one side, each with as many samples as any other.

    Attributes:
        rows: (n,) positions of the samples that are taken.
        codes: (n,) unit of each, 0 to U - 1.
        is_new: (U,) bool, the side of each unit.
    """

    rows: np.ndarray
    codes: np.ndarray
    is_new: np.ndarray

    @property
    def num_new(self) -> int:
        return int(self.is_new.sum())

    @property
    def num_reference(self) -> int:
        return len(self.is_new) - self.num_new

    @property
    def are_groups(self) -> bool:
        """Whether a unit has several samples."""
        return len(self.rows) > len(self.is_new)


def take_equally(groups: np.ndarray, is_new: np.ndarray, generator: np.random.Generator) -> Units:
    """As many random samples from every group, so that groups of both sides scatter alike.

    Of groups with all their samples the small ones would scatter more, and a side of small groups would differ from one
    of large groups without any drift. As many samples are taken as all but the smallest fifth of the groups have, or as
    the largest group of either side where that is smaller; groups with fewer are left out. A group on both sides is two
    units: the sides then differ less than permuted ones, and drift is found later, never by chance.

    Args:
        groups: (N,) of each sample.
        is_new: (N,) bool, its side.
        generator: Which samples are taken.
    """
    unit = np.unique(np.unique(groups, return_inverse=True)[1] * 2 + is_new, return_inverse=True)[1]
    sizes = np.bincount(unit)
    side = np.zeros(len(sizes), dtype=bool)
    side[unit] = is_new
    largest = [int(sizes[one].max()) for one in (side, ~side) if one.any()]
    num = min(MOST_OF_GROUP, int(np.quantile(sizes, SMALL_SHARE, method="lower")), *largest)
    order = generator.permutation(len(unit))
    order = order[np.argsort(unit[order], kind="stable")]
    place = np.arange(len(unit)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = np.sort(order[(place < num) & (sizes[unit[order]] >= num)])
    used, codes = np.unique(unit[rows], return_inverse=True)
    return Units(rows=rows, codes=codes, is_new=side[used])


def unit_means(values: np.ndarray, units: Units) -> np.ndarray:
    """(U, D) float32 means of (n, D) values of the rows of the units."""
    if not units.are_groups:
        means = np.empty_like(values, dtype=np.float32)
        means[units.codes] = values
        return means
    order = np.argsort(units.codes, kind="stable")
    starts = np.searchsorted(units.codes[order], np.arange(len(units.is_new)))
    sums = np.add.reduceat(values[order].astype(np.float32), starts, axis=0)
    return np.asarray(sums / np.bincount(units.codes)[:, None])


def sides(is_new: np.ndarray, num_permutations: int, generator: np.random.Generator) -> np.ndarray:
    """(M + 1, U) bool: the true sides, then M permutations of them; every other one where there are at most as many."""
    number, num_new = len(is_new), int(is_new.sum())
    if math.comb(number, num_new) <= num_permutations:
        true = tuple(np.flatnonzero(is_new))
        rows = np.array([true, *(one for one in combinations(range(number), num_new) if one != true)], dtype=np.int64)
        result = np.zeros((len(rows), number), dtype=bool)
        result[np.arange(len(rows))[:, None], rows] = True
        return result
    shuffled = generator.permuted(np.broadcast_to(is_new, (num_permutations, number)), axis=1)
    return np.concatenate([is_new[None], shuffled])


def permuted_distances(means: np.ndarray, assigned: np.ndarray, distances: Distances) -> np.ndarray:
    """(M + 1, P) distances of the two sides of each row of `sides`.

    Args:
        means: (U, D) of each unit.
        assigned: (M + 1, U) bool, as `sides` returns it.
        distances: From (R, D) means of the reference and of the new units to (R, P).
    """
    return np.concatenate([distances(*pair) for pair in _side_means(means, assigned)])


def _side_means(means: np.ndarray, assigned: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    total, num_new = means.sum(axis=0, dtype=np.float64), int(assigned[0].sum())
    for start in range(0, len(assigned), AT_ONCE):
        new = assigned[start : start + AT_ONCE].astype(np.float32) @ means
        yield (total - new) / max(1, len(means) - num_new), new / max(1, num_new)


def least_number(num_reference: int, alpha: float) -> int | None:
    """The smallest number of new units with which any difference can be significant; None where no number suffices."""
    number = next(
        (one for one in range(1, math.ceil(1 / alpha) + 1) if math.comb(num_reference + one, one) * alpha >= 1 - 1e-9),
        None,
    )
    return number if num_reference else None


def number_for(num_reference: int, num_new: int, factor: float) -> int | None:
    """The number of new units with which the error is `factor` times the present one; None where no number suffices.

    The variance of a difference of two means is proportional to 1 / a + 1 / b; b cannot make it smaller than 1 / a.
    """
    wanted = factor**2 * (1 / num_reference + 1 / num_new) - 1 / num_reference
    return math.ceil(1 / wanted - 1e-9) if wanted > 1e-9 else None
