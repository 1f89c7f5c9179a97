"""Permutation tests: labels permuted between groups and within groups, and folds that keep groups together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


def block_permutations(groups: np.ndarray, num_permutations: int, seed: int) -> Iterator[np.ndarray]:
    """Block permutations: for each row, the row that receives its labels.

    The labels of a group move together and in their order, to groups of similar size (within a factor of two). So the
    permuted data have the same resemblance within groups as the true data, and this resemblance causes no false alarm.
    If every sample is a group of its own, these are plain permutations; with groups of equal size, permutations of
    groups. Between sizes that differ a little, a block of labels may span two groups, which preserves most of the
    resemblance.

    Args:
        groups: (N,) codes of the groups, 0 to the number of groups - 1, each of them used.
        num_permutations: Number of permutations.
        seed: Seed of the permutations.

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
        group_order = np.lexsort((generator.random(len(home)), at_home))
        length = lengths[group_order]
        offsets = np.repeat(starts[group_order] - (np.cumsum(length) - length), length)
        destinations = np.empty_like(rows)
        destinations[rows[np.arange(len(rows)) + offsets]] = rows
        yield destinations


def rotations(groups: np.ndarray, order: np.ndarray, num_permutations: int, seed: int) -> Iterator[np.ndarray]:
    """Rotations within groups: for each row, the row of its group that receives its labels.

    The labels of each group are rotated along its order by a random offset. So pictures taken one after the other keep
    the resemblance of neighbours, in labels and in properties. Where the order has no meaning, rotations work as well
    as free permutations.

    Args:
        groups: (N,) codes as in `block_permutations`; a group of one row does not change.
        order: (N,) position of each row within the order of its group.
        num_permutations: Number of permutations.
        seed: Seed of the offsets.

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
        destinations = np.empty_like(rows)
        destinations[rows] = rows[start + (place + step) % size]
        yield destinations


def group_folds(groups: np.ndarray, num_folds: int, seed: int) -> np.ndarray:
    """(N,) fold of each row, 0 to num_folds - 1; each group is in one fold, and labels have no influence.

    Args:
        groups: (N,) codes as in `block_permutations`.
        num_folds: Number of folds, of about equal size; fewer where there are fewer groups.
        seed: Seed of the order in which groups fill the folds.
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
    """(K,) whether the size of a group determines each label, so that `block_permutations` has little to exchange.

    For example, bursts of a camera are defective and single photographs are not. The size, within a factor of two,
    determines a label if less than half of the label's entropy over groups remains once the size is known.

    Args:
        groups: (N,) codes as in `block_permutations`.
        rows: (L,) sample of each (sample, label) pair.
        codes: (L,) label of each pair, 0 to `num_classes` - 1.
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
    """(G,) a random row of each group; their labels can be permuted freely, whatever the sizes of the groups."""
    order = np.random.default_rng(seed).permutation(len(groups))
    return np.sort(order[np.unique(groups[order], return_index=True)[1]])


def max_t_p_values(statistics: np.ndarray) -> np.ndarray:
    """(P, K) p-values of the true statistics, corrected for all P x K tests together.

    Each test is standardised by its mean and spread over all M rows. A p-value is the share of rows whose largest
    standardised statistic is as large as the test's own, (k + 1) / (m + 1) for k of m permutations. It controls the
    family-wise error, whatever the dependence between the tests.

    A spread is at least the median spread of all properties for that label: a property that hardly varies hardly ever
    leaves chance, and on its own scale the one exception would be further out than any true shortcut (saturation of
    grey pictures, 0 except for a few: 0.64 there hid 0.90 of brightness). A median over all labels would be that of the
    rare labels, and hide the predictors of a common one.

    Args:
        statistics: (M, P, K) for P properties and K labels: the true labels first, then M - 1 permutations.

    Source: single-step max T, Westfall and Young 1993, Resampling-Based Multiple Testing, section 2.3; why
        one is added, Phipson and Smyth 2010, doi:10.2202/1544-6115.1585.
    """
    scaled = _standardise(statistics)
    return _p_values(scaled, scaled[0])


def least_possible(statistics: np.ndarray) -> np.ndarray:
    """(K,) the smallest p-value that any property could have for each label under these permutations.

    With few groups there are few different permutations, and the best of them occurs repeatedly. The smallest p-value
    is then large: no property could be significant, however well it predicts. Statistics as in `max_t_p_values`.
    """
    scaled = _standardise(statistics)
    return _p_values(scaled, scaled.max(axis=(0, 1)))


def significant_from(statistics: np.ndarray, alpha: float) -> np.ndarray:
    """(P, K) the statistic above which the p-value of `max_t_p_values` is at most `alpha`.

    Infinite where no statistic has such a p-value: there are too few permutations, the best of them occurs too often,
    or the permutations leave this statistic as it is. Statistics as in `max_t_p_values`.
    """
    center, spread = _scale(statistics)
    largest = np.sort(((statistics[1:] - center) / spread).reshape(len(statistics) - 1, -1).max(axis=1))[::-1]
    allowed = int(alpha * len(statistics) + 1e-9) - 1  # permutations that may reach as far; the true labels are one
    if allowed < 0 or float(least_possible(statistics).min()) > alpha:
        return np.full(statistics.shape[1:], np.inf)
    limit = largest[allowed] if allowed < len(largest) else -np.inf
    return np.where(np.ptp(statistics, axis=0) > 1e-9, center + spread * limit, np.inf)


def combine_p_values(schemes: Sequence[np.ndarray], alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """(P, K) p-values over several permutation schemes, and (K,) the smallest possible ones.

    The p-value of two schemes is twice the smaller one (Bonferroni). A scheme that cannot reach its share of `alpha`,
    for example because no two groups are of similar size, is left out and does not cost the other anything.

    Args:
        schemes: Statistics as in `max_t_p_values`, of at most two schemes that permute the same labels.
        alpha: The significance level.
    """
    least = [least_possible(one) for one in schemes]
    used = usable([float(one.min()) for one in least], alpha)
    p_values = len(used) * np.min([max_t_p_values(schemes[scheme]) for scheme in used], axis=0)
    return np.minimum(1, p_values), np.minimum(1, len(used) * np.min([least[scheme] for scheme in used], axis=0))


def usable(least: Sequence[float], alpha: float) -> list[int]:
    """Indices of the permutation schemes to use together: all if each can reach its share of `alpha`, else the best.

    Args:
        least: The smallest possible p-value of each scheme.
        alpha: The significance level, shared among the schemes.
    """
    best_first = sorted(range(len(least)), key=lambda scheme: least[scheme])
    able = all(len(least) * one <= alpha + 1e-12 for one in least)
    return best_first if able else best_first[:1]


def _standardise(statistics: np.ndarray) -> np.ndarray:
    center, spread = _scale(statistics)
    return np.asarray((statistics - center) / spread)


def _scale(statistics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, K) means and spreads."""
    spread = statistics.std(axis=0)
    spread = np.maximum(spread, np.median(spread, axis=0))
    return statistics.mean(axis=0), np.where(spread > 0, spread, 1)


def _p_values(scaled: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Share of the rows whose largest statistic is as large as each value."""
    largest = np.sort(scaled.reshape(len(scaled), -1).max(axis=1))
    return np.asarray((len(largest) - np.searchsorted(largest, values - 1e-9)) / len(largest))
