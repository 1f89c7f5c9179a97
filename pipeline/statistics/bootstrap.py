"""Confidence intervals from replicate weights over whole groups."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.special import betaincinv, expit, logit, ndtri, stdtrit

from pipeline.statistics.reuse import once_per_arrays

Z = 1.959963984540054  # a standard normal variable lies within this of 0 with probability 0.95
CHUNK_CELLS = 20_000_000  # weights held at once, in numbers
MIN_GROUPS = 5  # below, no interval: the spread between groups cannot be estimated
FEW_GROUPS = 20  # below, the figure carries a caveat
MANY_GROUPS = 100  # above, the groups are resampled; up to here each is left out once
SAME = 1e-12  # a standard error below is rounding: no replicate differs
UNEVEN = 0.5  # effective groups by size (Kish) over groups; below, an interval of 95 % covers 88 to 92 %
WIDENING = 1.25  # of the standard error where folds share training data; measured in benchmarks/fold_coverage.py
FEW_EVENTS = 5.0  # effective mistakes, or successes, below which the logit scale fails
Cautious = Literal["", "few", "spread", "alike"]
CAUTIOUS: dict[Cautious, str] = {
    "few": "few mistakes or successes",
    "spread": "it varies much from group to group",
    "alike": "all groups agree exactly",
}


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """How groups are resampled behind an interval, where there are more than 100 of them.

    Attributes:
        num_resamples: Number of them, from `seed`.
        widening: Factor of every standard error, 1 unless what varies is more than the samples.
    """

    num_resamples: int
    seed: int
    widening: float = 1.0

    @property
    def across_folds(self) -> Bootstrap:
        """The same for cross-validated figures, whose folds share most of their training data.

        The samples that were tested vary, and so do those that were trained on; replicates vary the first alone. There
        is no unbiased estimate of the rest from one cross-validation (Bengio and Grandvalet 2004, JMLR 5, 1089-1105).
        Nested cross-validation (Bates, Hastie and Tibshirani 2024, doi:10.1080/01621459.2023.2197686) measures it with
        420 trainings instead of 5; in simulations with 12 and 34 groups it widened the interval by 1.3.
        """
        return replace(self, widening=WIDENING)

    def replicates(self, groups: np.ndarray) -> Replicates:
        """The replicate weights of samples of these (N,) groups."""
        return Replicates(groups=groups, bootstrap=self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Replicates:
    """Replicate weights: how often each sample counts when the test set is varied by whole groups.

    Up to 100 groups each is left out once (the delete-one-group jackknife); more are resampled with replacement (the
    group bootstrap). Samples that resemble each other, those of one patient or module, move together, so that their
    resemblance does not make the interval look narrower than it is.

    Args:
        groups: (N,) label of each sample's group; all different when samples are independent.
        bootstrap: How groups are resampled, where they are.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 8, 11 and 13; Field and Welsh 2007,
        doi:10.1111/j.1467-9868.2007.00593.x, for the cluster bootstrap; Wolter 2007, Introduction to Variance
        Estimation, doi:10.1007/978-0-387-35099-8, for replicate weights.
    """

    groups: np.ndarray
    bootstrap: Bootstrap

    def __iter__(self) -> Iterator[np.ndarray]:
        """(r, N) float64 blocks, a row per replicate."""
        members, num_groups = number_groups(self.groups), self.num_groups
        if num_groups == 1:  # leaving it out would leave no sample
            yield np.ones((1, len(members)))
            return
        total = num_groups if self.leaves_out else self.bootstrap.num_resamples
        size = max(1, min(total, CHUNK_CELLS // max(1, len(members))))
        generator = np.random.default_rng(self.bootstrap.seed)
        for start in range(0, total, size):
            rows = min(size, total - start)
            if self.leaves_out:
                yield (members != np.arange(start, start + rows)[:, None]).astype(np.float64)
            else:
                block = np.empty((rows, len(members)))
                for row in block:
                    row[:] = np.bincount(generator.integers(num_groups, size=num_groups), minlength=num_groups)[members]
                yield block

    @cached_property
    def num_groups(self) -> int:
        return int(number_groups(self.groups).max(initial=-1)) + 1

    @property
    def leaves_out(self) -> bool:
        """Whether each group is left out once; else groups are resampled."""
        return self.num_groups <= MANY_GROUPS

    def spread(self, values: np.ndarray) -> float:
        """The standard error of a number from its (R,) replicates; NaN where fewer than half of them are defined."""
        defined = values[np.isfinite(values)]
        if len(defined) < max(1, len(values) / 2):
            return math.nan
        mean_square = float(np.mean((defined - defined.mean()) ** 2))
        return self.bootstrap.widening * math.sqrt(mean_square * (self.num_groups - 1 if self.leaves_out else 1))


def share_interval(
    value: float, replicates: np.ndarray, weights: Replicates, n: float, groups: float, tail: float = 0.025
) -> tuple[float, float, Cautious] | None:
    """The 95 % interval of a number in [0, 1], and why it is the cautious one, if it is; None where there is none.

    On the logit scale, with the t quantile of `groups` - 1 degrees of freedom. Where the number rests on fewer than 5
    effective mistakes or successes it is Korn and Graubard's: Clopper and Pearson's at the effective number of samples
    value (1 - value) / variance, at most n, reduced by (z / t)^2. That one covers at least 95 %, and never has width 0:
    without any mistake the effective number is n.

    The reasons: `few`, where n samples have fewer than 5 mistakes or successes; `spread`, where they have more, but the
    number differs so much between groups that they count as fewer; `alike`, where it does not differ at all.

    Args:
        value: On all samples.
        replicates: (R,) values on `weights`, NaN where undefined.
        weights: The replicate weights.
        n: Samples it rests on.
        groups: Independent groups it rests on, at least 5 for an interval.
        tail: Probability beyond either end, 0.025 for 95 %; smaller where several intervals must hold at once.

    Source: Korn and Graubard 1998, Survey Methodology 24, 193-201; Clopper and Pearson 1934,
        doi:10.1093/biomet/26.4.404; coverage in benchmarks/coverage.py.
    """
    error = weights.spread(replicates)
    if groups < MIN_GROUPS or not 0 <= value <= 1 or not math.isfinite(error):
        return None
    quantile = float(stdtrit(groups - 1, 1 - tail))
    effective = min(n, value * (1 - value) / error**2) if error > SAME and 0 < value < 1 else n
    rare = min(value, 1 - value)
    if error <= SAME or rare * effective < FEW_EVENTS:
        why: Cautious = "few" if rare * n < FEW_EVENTS else "spread" if error > SAME else "alike"
        effective *= (float(ndtri(1 - tail)) / quantile) ** 2
        hit, missed = value * effective, (1 - value) * effective
        low = float(betaincinv(hit, missed + 1, tail)) if hit > 0 else 0.0
        high = float(betaincinv(hit + 1, missed, 1 - tail)) if missed > 0 else 1.0
        return low, high, why
    half = quantile * _logit_error(value, replicates, weights)
    return float(expit(logit(value) - half)), float(expit(logit(value) + half)), ""


def _logit_error(value: float, replicates: np.ndarray, weights: Replicates) -> float:
    """The standard error of logit(value), for a value between 0 and 1 with at least 5 effective mistakes and successes.

    With so many no group holds all mistakes, so each group left out gives a number that has a logit. Resamples may
    hold none (5 mistakes in 200 samples: 1 in 150), and 1 has no logit. So where groups are resampled it is the error
    of the value over the slope of the logistic curve, value (1 - value) (the delta method; Wolter 2007, chapter 6).
    """
    if weights.leaves_out:
        return weights.spread(logit(replicates))
    return weights.spread(replicates) / (value * (1 - value))


@once_per_arrays
def number_groups(groups: np.ndarray) -> np.ndarray:
    """(N,) numbers from 0, the same for the same group, of (N,) groups."""
    return np.unique(groups, return_inverse=True)[1]


def bounded_interval(
    value: float,
    replicates: np.ndarray,
    weights: Replicates,
    n: float,
    groups: float,
    bounds: tuple[float, float],
) -> tuple[float, float, Cautious] | None:
    """The 95 % interval of a number between two bounds, as `share_interval` of where it lies between them.

    For a correlation, between -1 and 1, that is the scale of Fisher's z. Where the upper bound is infinite it is the t
    interval of the logarithm, and there is none for a number at its lower bound or the same in every replicate.

    Args:
        value: On all samples; also `replicates`, `weights`, `n` and `groups` as `share_interval`.
        bounds: The smallest and the largest value.

    Source: Fisher 1921, Metron 1, 3-32.
    """
    low, width = bounds[0], bounds[1] - bounds[0]
    if math.isfinite(width):
        found = share_interval((value - low) / width, (replicates - low) / width, weights, n, groups)
        return None if found is None else (low + width * found[0], low + width * found[1], found[2])
    error, above = weights.spread(replicates), value - low
    if groups < MIN_GROUPS or not above > 0 or not error > SAME:
        return None
    half = float(stdtrit(groups - 1, 0.975)) * error / above
    return low + above * math.exp(-half), low + above * math.exp(half), ""


def difference_interval(
    value: float,
    replicates: np.ndarray,
    weights: Replicates,
    n: float,
    groups: float,
    width: float = 1.0,
    level: float = 0.95,
) -> tuple[float, float] | None:
    """The interval of a difference of two numbers on the same samples, at `level`, or None.

    Args and source as `share_interval`; the t interval on the scale of the difference. Where no replicate differs the
    two agree on all samples, and what n samples cannot show is a difference of up to `width` (1 - 0.025^(1/n)), for
    95 %, where `width` is that of the range of each of the two; there is no interval where it is infinite.
    """
    error = weights.spread(replicates)
    if groups < MIN_GROUPS or not math.isfinite(value) or not math.isfinite(error):
        return None
    if not error > SAME and math.isinf(width):
        return None
    tail = (1 - level) / 2
    half = float(stdtrit(groups - 1, 1 - tail)) * error if error > SAME else width * (1 - tail ** (1 / n))
    return max(-width, value - half), min(width, value + half)


@dataclass(frozen=True)
class Basis:
    """Samples and groups that a number rests on.

    Attributes:
        n: Samples; of a mean over classes K times their harmonic mean, as if each class had as many.
        groups: Independent groups; of a mean over classes as many as weigh equally in it (inverse Simpson index).
        num_thin: Of a mean over classes those that lie in fewer than 5 groups.
        uneven: Whether few large groups hold so many of the samples that the others hardly count.
    """

    n: float
    groups: float
    num_thin: int = 0
    uneven: bool = False

    @classmethod
    def of(cls, support: np.ndarray, groups: np.ndarray) -> Basis:
        """Of a number that rests on the samples in each column of `support`, (N, C) bool, and is their mean over C."""
        codes = number_groups(groups)
        num = int(codes.max(initial=-1)) + 1
        counts = np.stack([np.bincount(codes[column], minlength=num) for column in support.T], axis=1)
        held = counts > 0
        sizes, num_groups = support.sum(axis=0), held.sum(axis=0)
        occurs = sizes > 0
        if not occurs.any():
            return cls(0, 0)
        num_classes = int(occurs.sum())
        influence = (held[:, occurs] / num_groups[occurs]).sum(axis=1) / num_classes
        thin = int((num_groups[occurs] < MIN_GROUPS).sum())
        n = num_classes**2 / float((1 / sizes[occurs]).sum())
        groups_in_it = round(1 / float((influence**2).sum()), 9)
        by_size = (counts[:, occurs] / sizes[occurs]).sum(axis=1) / num_classes
        uneven = 1 / float((by_size**2).sum()) < UNEVEN * groups_in_it
        return cls(n, groups_in_it, thin if num_classes > 1 else 0, uneven)

    def caveat(self, has_interval: bool, cautious: Cautious = "") -> str:
        """A clause on why the interval may be missing, too narrow or too wide; empty where there is no reason."""
        count = int(self.groups)
        if count < MIN_GROUPS:
            return f"no interval: it rests on {count} independent group{'s' * (count != 1)}, fewer than {MIN_GROUPS}"
        if not has_interval:
            return ""
        parts = [f"it rests on {count} independent groups only"] if count < FEW_GROUPS else []
        if self.num_thin:
            verb = "class has" if self.num_thin == 1 else "classes have"
            parts.append(f"{self.num_thin} {verb} fewer than {MIN_GROUPS} groups, so the interval may be too narrow")
        if self.uneven:
            narrow = "" if cautious else ", and the interval is rather too narrow"
            parts.append(f"a few large groups hold most of the samples{narrow}")
        if cautious:
            parts.append(f"{CAUTIOUS[cautious]}, so the interval is wider than needed for 95 %")
        return "; ".join(parts)


def wilson_sample_size(half_width: float) -> int:
    """Samples for which the 95 % interval of a share is at most `half_width` to either side, whatever the share is.

    Wilson's interval is widest at one half, where its half-width is z / (2 sqrt(n + z^2)).

    Raises:
        ValueError: `half_width` is not above 0 and below 0.5.

    Source: E. B. Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    if not 0 < half_width < 0.5:
        raise ValueError(f"half_width must be above 0 and below 0.5, got {half_width}")
    return math.ceil(Z**2 * (1 / (4 * half_width**2) - 1))
