"""What chance alone gives: labels dealt anew between groups and within them, and folds that keep groups together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


def block_permutations(groups: np.ndarray, num_permutations: int, seed: int) -> Iterator[np.ndarray]:
    """The row to which each row gives its labels, again and again.

    The labels of a group move together and in their order, to groups of like size (within a factor of two): what makes
    the samples of a group resemble each other is in the permuted data as in the true ones, so that it raises no alarm.
    Where every sample is a group of its own these are plain permutations; with groups of equal size, permutations of
    groups; between sizes that differ a little, a block of labels may lie across two groups, which keeps most of what
    holds a group together.

    Args:
        groups: (N,) codes of who belongs together, 0 to the number of groups - 1, each of them used.
        num_permutations: How often.
        seed: Of the draws.

    Yields:
        (N,) a permutation of the rows.

    Source: restricted permutation of exchangeable blocks, Winkler et al. 2015, doi:10.1016/j.neuroimage.2015.05.092.
    """
    sizes = np.bincount(groups)
    stratum = np.floor(np.log2(sizes)).astype(np.int64)
    home = np.argsort(stratum, kind="stable")
    place = np.empty_like(home)
    place[home] = np.arange(len(home))
    rows = np.argsort(place[groups], kind="stable")  # strata, in them groups, in them rows
    starts = np.cumsum(sizes[home]) - sizes[home]
    at_home, lengths = stratum[home], sizes[home]
    generator = np.random.default_rng(seed)
    for _ in range(num_permutations):
        dealt = np.lexsort((generator.random(len(home)), at_home))
        length = lengths[dealt]
        offsets = np.repeat(starts[dealt] - (np.cumsum(length) - length), length)
        takers = np.empty_like(rows)
        takers[rows[np.arange(len(rows)) + offsets]] = rows
        yield takers


def rotations(groups: np.ndarray, order: np.ndarray, num_permutations: int, seed: int) -> Iterator[np.ndarray]:
    """The row to which each row gives its labels within its group, again and again.

    The labels of each group move along its order, all by one step length that is drawn, and from its end to its
    beginning. So pictures that were taken one after the other keep what makes neighbours alike, in their labels as in
    their properties, and a group whose order means nothing is dealt as well as by free permutations.

    Args:
        groups: (N,) codes as in `relabelled`; a group of one row stays as it is.
        order: (N,) by which the rows of a group follow each other.
        num_permutations: How often.
        seed: Of the draws.

    Yields:
        (N,) a permutation of the rows.

    Source: random shifts of a series against another, Upton and Fingleton 1985, Spatial Data Analysis by Example,
        section 3.5; toroidal shift, Lotwick and Silverman 1982, doi:10.1111/j.2517-6161.1982.tb01221.x.
    """
    sizes = np.bincount(groups)
    rows = np.lexsort((order, groups))
    start = np.repeat(np.cumsum(sizes) - sizes, sizes)
    place, size = np.arange(len(rows)) - start, np.repeat(sizes, sizes)
    generator = np.random.default_rng(seed)
    for _ in range(num_permutations):
        step = np.repeat(generator.integers(0, sizes), sizes)
        takers = np.empty_like(rows)
        takers[rows] = rows[start + (place + step) % size]
        yield takers


def group_folds(groups: np.ndarray, num_folds: int, seed: int) -> np.ndarray:
    """(N,) fold of each row, 0 to num_folds - 1; groups stay together and labels play no part.

    Args:
        groups: (N,) codes as in `relabelled`.
        num_folds: Of about the same number of rows, fewer where there are fewer groups.
        seed: Of the order in which groups fill the folds.
    """
    sizes = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(sizes))
    middle = np.cumsum(sizes[order]) - sizes[order] / 2
    fold = np.empty(len(sizes), dtype=np.int64)
    fold[order] = (middle * min(num_folds, len(sizes)) / len(groups)).astype(np.int64)
    return fold[groups]


def label_determined_by_group_size(
    groups: np.ndarray, rows: np.ndarray, codes: np.ndarray, num_classes: int
) -> np.ndarray:
    """(K,) whether the size of a group says who has each label, so that `relabelled` has next to nothing to exchange.

    Bursts of a camera are defective, say, and single photographs are not. It does where the sizes, within a factor of
    two, leave open less than half of the entropy of having the label, over groups.

    Args:
        groups: (N,) as in `relabelled`.
        rows: (L,) sample of each (sample, label) pair.
        codes: (L,) label of each, 0 to `num_classes` - 1.
        num_classes: K.
    """
    if not num_classes:
        return np.zeros(0, dtype=bool)
    sizes = np.bincount(groups)
    stratum = np.unique(np.floor(np.log2(sizes)), return_inverse=True)[1]
    has = groups[rows]
    keys = stratum[has] * num_classes + codes
    num_groups = np.bincount(stratum).astype(np.float64)
    present = np.bincount(keys, 1 / sizes[has], minlength=len(num_groups) * num_classes).reshape(-1, num_classes)
    left = num_groups @ _entropy(present / num_groups[:, None]) / len(sizes)
    return np.asarray(left < 0.5 * _entropy(present.sum(axis=0) / len(sizes)))


def _entropy(share: np.ndarray) -> np.ndarray:
    sure = np.clip(share, 1e-12, 1 - 1e-12)
    return np.asarray(np.where(sure == share, -sure * np.log(sure) - (1 - sure) * np.log(1 - sure), 0.0))


def one_per_group(groups: np.ndarray, seed: int) -> np.ndarray:
    """(G,) a row of each group, drawn: rows whose labels can be dealt freely, whatever the sizes of their groups."""
    order = np.random.default_rng(seed).permutation(len(groups))
    return np.sort(order[np.unique(groups[order], return_index=True)[1]])


def max_t_p_values(statistics: np.ndarray) -> np.ndarray:
    """(P, K) p-values of the first of (M, P, K), corrected for all tests together; the others are permuted.

    P properties are asked for K labels each.
    Each test is put on one scale by its mean and spread over all of M; a p-value is the share of M whose largest
    scaled statistic is as large as the test's own, (k + 1) / (m + 1) for k of m permutations. Its error holds for the
    family, whatever the dependence between the tests. A spread counts as the median of all properties' for that label
    at least: a property that hardly ever differs hardly ever leaves chance, and on its own scale the one time that it
    does would be further out than any true shortcut (saturation of grey pictures, 0 but for a few: 0.64 there hid 0.90
    of brightness). Of all labels' together it would be the rare labels', and hide what tells a common one.

    Source: single-step max T, Westfall and Young 1993, Resampling-Based Multiple Testing, section 2.3; why
        one is added, Phipson and Smyth 2010, doi:10.2202/1544-6115.1585.
    """
    scaled = _standardise(statistics)
    return _p_values(scaled, scaled[0])


def least_possible(statistics: np.ndarray) -> np.ndarray:
    """(K,) the smallest p-value that labels dealt in this way give any property for each label, as `adjusted` counts.

    Where few groups leave few different ways to deal the labels, the best of them comes again and again, and this is
    large: no property, however telling, could then be told from chance.
    """
    scaled = _standardise(statistics)
    return _p_values(scaled, scaled.max(axis=(0, 1)))


def combine_p_values(ways: Sequence[np.ndarray], alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """(P, K) p-values, and (K,) the least that there could be, of labels dealt in one way or another.

    The p-value of two ways is twice the smaller one (Bonferroni). A way that cannot come down to its share of `alpha`
    whatever the properties say, as when no two groups are of like size, is left out and takes nothing from the other.

    Args:
        ways: Statistics as `adjusted` takes them, of at most two ways to deal the same labels.
        alpha: The p-value that is to be reached.
    """
    least = [least_possible(one) for one in ways]
    used = usable([float(one.min()) for one in least], alpha)
    p_values = len(used) * np.min([max_t_p_values(ways[way]) for way in used], axis=0)
    return np.minimum(1, p_values), np.minimum(1, len(used) * np.min([least[way] for way in used], axis=0))


def usable(least: Sequence[float], alpha: float) -> list[int]:
    """Which ways to deal labels are used together: all where each can reach its share of `alpha`, else the best one.

    Args:
        least: The smallest p-value that there could be, of each way.
        alpha: The p-value that is to be reached, shared among the ways.
    """
    best_first = sorted(range(len(least)), key=lambda way: least[way])
    able = all(len(least) * one <= alpha + 1e-12 for one in least)
    return best_first if able else best_first[:1]


def _standardise(statistics: np.ndarray) -> np.ndarray:
    spread = statistics.std(axis=0)
    spread = np.maximum(spread, np.median(spread, axis=0))
    return np.asarray((statistics - statistics.mean(axis=0)) / np.where(spread > 0, spread, 1))


def _p_values(scaled: np.ndarray, reached: np.ndarray) -> np.ndarray:
    """Share of the rows whose largest statistic is as large as each of these."""
    largest = np.sort(scaled.reshape(len(scaled), -1).max(axis=1))
    return np.asarray((len(largest) - np.searchsorted(largest, reached - 1e-9)) / len(largest))
