"""The difference that a comparison would have found: what "no difference shown" leaves open."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy.special import stdtr, stdtrit

from pipeline.statistics.bootstrap import MIN_GROUPS, SAME

if TYPE_CHECKING:
    import numpy as np

    from pipeline.statistics.bootstrap import Replicates

POWER = 0.8  # the usual one: of five such comparisons four find the difference


def detectable_difference(
    replicates: np.ndarray, weights: Replicates, n: float, groups: float, level: float = 0.95
) -> float | None:
    """The smallest true difference of two numbers that a comparison of this size finds with a probability of 80 %.

    It is (t of the interval + t of the power) standard errors. Where no replicate differs the two agree on all samples,
    and the error is unknown: then it is the end of `bootstrap.difference_interval`.

    Args:
        replicates: (R,) differences on `weights`.
        weights: The replicate weights.
        n: Samples behind the difference.
        groups: Independent groups behind it.
        level: Of the interval that must exclude 0.

    Returns:
        A number in (0, 1]; None with fewer than 5 groups, or where the error is undefined.

    Source: Bloom 1995, Minimum detectable effects, doi:10.1177/0193841X9501900504.
    """
    error = weights.spread(replicates)
    if groups < MIN_GROUPS or not math.isfinite(error):
        return None
    tail = (1 - level) / 2
    if error <= SAME:
        return 1 - tail ** (1 / n)
    return min(1.0, float(stdtrit(groups - 1, 1 - tail) + stdtrit(groups - 1, POWER)) * error)


def power_of(difference: float, half_width: float, groups: float) -> float:
    """The probability, 0 to 1, that the 95 % interval of a comparison of this size is above 0, for a true difference.

    It inverts `detectable_difference`: the t distribution at the difference in standard errors, less the quantile of
    the interval.

    Args:
        difference: The true one, above 0.
        half_width: Of the 95 % t interval of such a comparison, above 0.
        groups: Independent groups behind it, at least 2.

    Source: Bloom 1995, doi:10.1177/0193841X9501900504.
    """
    quantile = float(stdtrit(groups - 1, 0.975))
    return float(stdtr(groups - 1, quantile * (difference / half_width - 1)))
