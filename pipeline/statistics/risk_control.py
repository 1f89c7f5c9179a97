"""The lowest threshold of a score above which errors are rare enough, with a guarantee from labelled samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from scipy.special import betaincinv

from pipeline.statistics.bootstrap import MIN_GROUPS, Bootstrap, share_interval

NUM_CANDIDATES = 40  # thresholds at most; finer steps cost nothing, for they are tested one after another
STARTS = (1.5, 3.0, 6.0)  # times the samples that would do without an error: where a sequence of tests begins
FEWEST_GROUPS = 40  # whose spread bounds an error: with 30 a bound of 95 % is broken in 6 of 100 cases
ROOM = 0.8  # of the labelled samples that a further start may ask for
MAX_FACTOR = 10_000  # times as many samples: beyond, more labels do not help


@final
@dataclass(frozen=True, kw_only=True)
class ErrorBound:
    """What labelled samples say of the errors among those at or above a threshold.

    Attributes:
        threshold: Of the score.
        num_samples: Labelled samples at or above the threshold.
        num_errors: Wrong ones among them.
        num_groups: Independent groups that hold them.
        upper: Upper bound of the share of errors, 0 to 1.
    """

    threshold: float
    num_samples: int
    num_errors: int
    num_groups: int
    upper: float


@final
@dataclass(frozen=True, kw_only=True)
class ThresholdChoice:
    """The outcome of a search.

    Attributes:
        chosen: The lowest threshold at which the bound holds; None where there is none.
        tried: All that were tested, in the order of the tests.
        needed: Labelled samples (groups, where samples come in groups) with which the bound would hold somewhere if the
            share of errors stayed as it is; None where it holds, or where no number would do.
    """

    chosen: ErrorBound | None
    tried: tuple[ErrorBound, ...]
    needed: int | None


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledScores:
    """Samples with a label to which no model was fitted, random from those to be labelled.

    Attributes:
        scores: (N,) of the decision, finite.
        wrong: (N,) bool, whether the decision is wrong.
        groups: (N,) of the samples; samples of different groups are independent.
    """

    scores: np.ndarray
    wrong: np.ndarray
    groups: np.ndarray

    @cached_property
    def codes(self) -> np.ndarray:
        """(N,) numbers of the groups, from 0."""
        return np.asarray(np.unique(self.groups, return_inverse=True)[1])

    @property
    def num_groups(self) -> int:
        return int(self.codes.max(initial=-1)) + 1

    def bound(self, threshold: float, confidence: float, bootstrap: Bootstrap) -> ErrorBound:
        """The upper bound of the share of errors at or above a threshold, as `error_bound` gives it."""
        is_above = self.scores >= threshold
        wrong, groups = self.wrong[is_above], self.codes[is_above]
        return ErrorBound(
            threshold=float(threshold),
            num_samples=len(wrong),
            num_errors=int(wrong.sum()),
            num_groups=len(np.unique(groups)),
            upper=error_bound(wrong, groups, confidence, bootstrap),
        )


def candidate_thresholds(scores: np.ndarray, most: int = NUM_CANDIDATES) -> np.ndarray:
    """(T,) thresholds, the highest first, each of which lets through another share of the samples to be labelled.

    They depend on samples without a label alone, so a test on others knows them beforehand.

    Args:
        scores: (N,) of samples without a label, finite.
        most: Largest T.
    """
    ordered = np.sort(scores)[::-1]
    if not len(ordered):
        return np.zeros(0)
    ends = np.unique(np.ceil(np.arange(1, most + 1) / most * len(ordered)).astype(int)) - 1
    return np.unique(ordered[ends])[::-1]


def smallest_sample(max_error: float, confidence: float) -> int:
    """Samples that show an error below `max_error` where none of them is wrong: 59 for 0.05 at 0.95."""
    return math.ceil(math.log(1 - confidence) / math.log1p(-max_error))


def choose_threshold(
    labelled: LabelledScores, unlabelled: np.ndarray, max_error: float, confidence: float, bootstrap: Bootstrap
) -> ThresholdChoice:
    """The lowest threshold such that the share of errors at or above it is at most `max_error`, at the confidence.

    Fixed-sequence testing: thresholds are tested from a start downwards, each at the full level, until the first whose
    bound does not hold. A start is where so many labelled samples can be expected as would show the aim with a few
    errors among them; of much labelled samples there are up to three starts, which share the level (Bonferroni). The
    thresholds and the starts depend on scores of samples without a label and on the number of labelled ones, so the
    probability that the error at the chosen threshold is above the aim is at most 1 - `confidence`.

    Args:
        labelled: Samples with a label.
        unlabelled: (M,) scores of the samples to be labelled.
        max_error: Above 0 and below 1.
        confidence: Above 0 and below 1.
        bootstrap: How groups are resampled, where there are more than 100.

    Source: Angelopoulos et al. 2021, Learn then Test, arXiv:2110.01052; Wiens 2003, doi:10.1002/pst.64, for fixed
        sequences; simulations in benchmarks/autolabel.py.
    """
    candidates, num = candidate_thresholds(unlabelled), labelled.num_groups
    ordered = np.sort(unlabelled)
    reach = 1 - np.searchsorted(ordered, candidates) / max(1, len(ordered))
    starts = _starts(num, max_error, confidence)
    level = 1 - (1 - confidence) / len(starts)
    tried: list[ErrorBound] = []
    chosen: ErrorBound | None = None
    for start in starts:
        for threshold in candidates[reach * num >= start]:
            found = labelled.bound(threshold, level, bootstrap)
            tried.append(found)
            if found.upper > max_error:
                break
            if chosen is None or found.threshold < chosen.threshold:
                chosen = found
    needed = None if chosen is not None else _count_needed(labelled, candidates, max_error, confidence)
    return ThresholdChoice(chosen=chosen, tried=tuple(tried), needed=needed)


def error_bound(wrong: np.ndarray, groups: np.ndarray, confidence: float, bootstrap: Bootstrap) -> float:
    """The one-sided upper bound of a share of errors; 1 where there is no sample.

    Of independent samples it is Clopper's and Pearson's, which is exact. Of groups it is that of `share_interval`, from
    the spread between groups, where there are 40 and the errors lie in at least 5 of them. Else the spread is unknown,
    and a group counts as a single sample (as if its samples were all right or all wrong): the bound is Clopper's and
    Pearson's at the effective number of groups (sum of sizes)^2 / sum of squared sizes (Kish).

    Args:
        wrong: (N,) bool.
        groups: (N,) of the samples.
        confidence: Above 0 and below 1.
        bootstrap: How groups are resampled, where there are more than 100.

    Source: Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404; Korn and Graubard 1998, Survey Methodology 24,
        193-201; Kish 1965, Survey Sampling.
    """
    num = len(wrong)
    if not num:
        return 1.0
    codes = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(codes)
    if sizes.max() == 1:
        return upper_bound(float(wrong.sum()), num, confidence)
    if len(sizes) < FEWEST_GROUPS or len(np.unique(codes[wrong.astype(bool)])) < MIN_GROUPS:
        effective = float(num**2 / (sizes.astype(np.float64) ** 2).sum())
        return upper_bound(float(wrong.mean()) * effective, effective, confidence)
    weights = bootstrap.replicates(groups)
    varied = np.concatenate([block @ wrong.astype(np.float64) / block.sum(axis=1) for block in weights])
    found = share_interval(float(wrong.mean()), varied, weights, num, len(sizes), 1 - confidence)
    return 1.0 if found is None else found[1]


def upper_bound(num_errors: float, num_samples: float, confidence: float) -> float:
    """Clopper's and Pearson's upper bound of a share, one-sided; 1 where every sample is wrong, or there is none."""
    if num_errors >= num_samples:
        return 1.0
    return float(betaincinv(num_errors + 1, num_samples - num_errors, confidence))


def exact_interval(num_errors: int, num_samples: int) -> tuple[float, float]:
    """Clopper's and Pearson's 95 % interval of a share of independent samples, of which there is at least one."""
    right = num_samples - num_errors
    return 1 - upper_bound(right, num_samples, 0.975), upper_bound(num_errors, num_samples, 0.975)


def _starts(num: int, max_error: float, confidence: float) -> list[float]:
    """Labelled samples, expected at or above a threshold, with which each sequence of tests begins."""
    smallest = smallest_sample(max_error, confidence)
    starts = [factor * smallest for factor in STARTS if factor * smallest <= ROOM * num]
    return starts or [max(smallest, ROOM * num)]


def _count_needed(labelled: LabelledScores, candidates: np.ndarray, max_error: float, confidence: float) -> int | None:
    smallest, best = smallest_sample(max_error, confidence), None
    for threshold in candidates:
        is_above = labelled.scores >= threshold
        count = len(np.unique(labelled.codes[is_above]))
        share = float(labelled.wrong[is_above].mean()) if count else 1.0
        enough = _enough(share, max_error, confidence, smallest)
        if enough is not None:
            total = math.ceil(enough / count * labelled.num_groups)
            best = total if best is None else min(best, total)
    return best


def _enough(share: float, max_error: float, confidence: float, smallest: int) -> int | None:
    """Samples of which so large a share may be wrong for the bound to hold; None where too many are needed."""
    low, high = smallest, smallest * MAX_FACTOR
    if upper_bound(share * high, high, confidence) > max_error:
        return None
    while low < high:
        middle = (low + high) // 2
        if upper_bound(share * middle, middle, confidence) > max_error:
            low = middle + 1
        else:
            high = middle
    return high
