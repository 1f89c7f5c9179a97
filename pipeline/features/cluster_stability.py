"""How many clusters do features have? As many as two halves of the pictures agree on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.features.cluster_model import ClusterOptions, count_different, fit_clusters
from pipeline.statistics.partitions import adjusted_rand, contingency

ENOUGH_GROUPS = 20  # in a sample of whole groups
STABLE = 0.8  # a mean agreement below: the halves do not find the same clusters


@dataclass(frozen=True, kw_only=True)
class Stability:
    """How well models of two halves agree on all pictures, for one number of clusters.

    Attributes:
        num_clusters: At least 2.
        agreement: Mean adjusted Rand index over the repeats, 1 for the same clusters and 0 by chance, with its 95 %
            interval over the repeats: of the halves, which are random, not of other pictures.
    """

    num_clusters: int
    agreement: Estimate


def stability_curve(
    points: np.ndarray,
    groups: np.ndarray,
    candidates: Sequence[int],
    options: ClusterOptions,
    num_repeats: int,
    max_samples: int,
    advance: Callable[[], None] = lambda: None,
) -> list[Stability]:
    """The stability of each number of clusters.

    In each repeat whole groups go to one of two halves, clusters are fitted to each, and both models assign all
    pictures. Numbers of clusters that a half cannot have are left out, so that the curve may be empty.

    Args:
        points: (N, P) principal components of the pictures.
        groups: (N,) of the pictures.
        candidates: Numbers of clusters.
        options: How clusters are fitted.
        num_repeats: Random halvings, the same for each number of clusters; at least 2.
        max_samples: Of more pictures, a random sample is used, as `sample_groups` takes it.
        advance: Called after each repeat.

    Source: Lange, Roth, Braun and Buhmann 2004, doi:10.1162/089976604773717621, with the adjusted Rand index, which
        corrects for chance, in place of their comparison with random labels; cluster models of two halves as in
        Tibshirani and Walther 2005, doi:10.1198/106186005X59243.
    """
    rows = sample_groups(groups, max_samples, options.seed)
    points, groups = points[rows], groups[rows]
    halvings = [_halve(groups, options.seed + one) for one in range(num_repeats)]
    most = max(candidates, default=0)
    smallest = min((count_different(points[half], most) for pair in halvings for half in pair), default=0)
    possible = [one for one in candidates if 2 <= one <= smallest]
    curve = []
    for number in possible:
        agreements = []
        for repeat, (first, second) in enumerate(halvings):
            seeded = replace(options, seed=options.seed + repeat)
            assigned = [fit_clusters(points[half], number, seeded).assign(points) for half in (first, second)]
            agreements.append(float(adjusted_rand(contingency(*assigned)[None])[0]))
            advance()
        curve.append(Stability(num_clusters=number, agreement=_mean(np.array(agreements), len(points), groups)))
    return curve


def choose_number(curve: Sequence[Stability]) -> int:
    """The largest number whose stability is within one standard error of the best: finer clusters say more.

    Source: the rule of one standard error, Breiman et al. 1984, Classification and Regression Trees, section 3.4.3.
    """
    best = max(curve, key=lambda one: _value(one))
    return max(one.num_clusters for one in curve if _value(one) >= _value(best) - _error(best))


def is_stable(curve: Sequence[Stability], number: int) -> bool:
    """Whether two halves mostly find the same clusters of this number."""
    return any(one.num_clusters == number and _value(one) >= STABLE for one in curve)


def _value(point: Stability) -> float:
    return -1.0 if point.agreement.value is None else point.agreement.value


def _error(point: Stability) -> float:
    from scipy.special import stdtrit

    if point.agreement.interval is None or point.agreement.value is None:
        return 0.0
    return (point.agreement.value - point.agreement.interval[0]) / float(stdtrit(point.agreement.n - 1, 0.975))


def _mean(values: np.ndarray, num_pictures: int, groups: np.ndarray) -> Estimate:
    from scipy.special import stdtrit

    mean = float(values.mean())
    half = float(stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / np.sqrt(len(values)))
    return Estimate(
        value=mean,
        low=max(-0.5, mean - half),
        high=min(1.0, mean + half),
        n=len(values),
        groups=len(np.unique(groups)),
        caveat=f"over {len(values)} random halvings of {num_pictures:,} pictures",
    )


def _halve(groups: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two halves; a group is in one of them."""
    codes = np.unique(groups, return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(codes.max(initial=-1) + 1)
    sizes = np.bincount(codes)[order]
    in_first = np.zeros(len(order), dtype=bool)
    in_first[order] = np.cumsum(sizes) - sizes / 2 <= len(codes) / 2
    return np.flatnonzero(in_first[codes]), np.flatnonzero(~in_first[codes])


def sample_groups(groups: np.ndarray, max_samples: int, seed: int) -> np.ndarray:
    """Sorted rows of whole random groups, at most about `max_samples` of them.

    Where large groups would leave fewer than 20 groups, or more than twice as many rows, rows are taken at random
    instead, of whatever group.
    """
    if len(groups) <= max_samples:
        return np.arange(len(groups))
    codes = np.unique(groups, return_inverse=True)[1]
    turn = np.random.default_rng(seed).permutation(codes.max() + 1)[codes]
    last = np.sort(turn)[max_samples - 1]
    rows = np.flatnonzero(turn <= last)
    if len(rows) <= 2 * max_samples and last + 1 >= min(ENOUGH_GROUPS, codes.max() + 1):
        return rows
    return np.sort(np.random.default_rng(seed).choice(len(groups), max_samples, replace=False))
