"""Which labels a training has, when only some of those in train are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def draw_subsets(
    codes: np.ndarray, groups: np.ndarray, sizes: Sequence[int], num_draws: int, seed: int
) -> dict[int, list[np.ndarray]]:
    """Random subsets with equally many samples of each class, taken group by group, as people label them.

    Groups come in random order and the samples of a group in random order, and each class takes its first samples in
    that order: whole groups, and of the last one a part. So few labels are of few groups, as those of a few patients
    are, and not spread over all. Where each sample is a group of its own this is a stratified random subset. The
    subsets of one draw are nested: a smaller one is part of each larger one.

    Args:
        codes: (N,) class of each sample, 0 to K - 1.
        groups: (N,) group of each sample.
        sizes: Samples of each class, each at least 1.
        num_draws: Subsets of each size.
        seed: Of the random orders.

    Returns:
        Size to a list of (K x size,) ascending rows; of a class with fewer samples all of them.
    """
    found: dict[int, list[np.ndarray]] = {size: [] for size in sizes}
    members = np.unique(groups, return_inverse=True)[1]
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes))[:-1]])
    for draw in range(num_draws):
        generator = np.random.default_rng([seed, draw])
        turn = generator.permutation(int(members.max(initial=-1)) + 1)
        order = np.lexsort((generator.random(len(codes)), turn[members], codes))  # class by class
        place = np.empty(len(codes), dtype=np.int64)
        place[order] = np.arange(len(codes)) - starts[codes[order]]
        for size in sizes:
            found[size].append(np.flatnonzero(place < size))
    return found


def find_shortage(codes: np.ndarray, classes: Sequence[str], size: int, part: str = "train") -> str:
    """Why there are no subsets of this size, a clause; empty where there are.

    Args:
        codes: (N,) positions in `classes`.
        classes: Names of all.
        size: Samples of each class.
        part: What these samples are, in words.
    """
    counts = np.bincount(codes, minlength=len(classes))
    rarest = int(counts.argmin())
    if counts[rarest] >= size:
        return ""
    fewer = int((counts < size).sum())
    more = f", and {fewer - 1} more {'class has' if fewer == 2 else 'classes have'} too few" if fewer > 1 else ""
    return f"class {classes[rarest]} has {counts[rarest]:,} labels in {part}, fewer than {size:,}{more}"
