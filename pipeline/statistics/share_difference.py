"""The difference of the shares of two independent groups of samples, with its 95 % interval."""

from __future__ import annotations

import math

from pipeline.core.estimate import Estimate
from pipeline.statistics.bootstrap import Z

FEWEST = 10  # samples on either side, below which there is no interval


def wilson_interval(hits: int, number: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of independent samples, of which there is at least one.

    Source: E. B. Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    centre = (hits + Z**2 / 2) / (number + Z**2)
    half = Z / (number + Z**2) * math.sqrt(hits * (number - hits) / number + Z**2 / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def share_difference(first: int, num_first: int, second: int, num_second: int) -> Estimate:
    """The first share minus the second one; without an interval where either rests on fewer than 10 samples.

    Args:
        first: Hits among `num_first` samples.
        num_first: Samples.
        second: Hits among `num_second` other samples.
        num_second: Samples.

    Source: Newcombe 1998, method 10, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.
    """
    n = num_first + num_second
    if not num_first or not num_second:
        return Estimate(value=None, low=None, high=None, n=n, groups=n)
    p, q = first / num_first, second / num_second
    if min(num_first, num_second) < FEWEST:
        caveat = f"no interval: one side rests on {min(num_first, num_second)} samples, fewer than {FEWEST}"
        return Estimate(value=p - q, low=None, high=None, n=n, groups=n, caveat=caveat)
    (p_low, p_high), (q_low, q_high) = wilson_interval(first, num_first), wilson_interval(second, num_second)
    return Estimate(
        value=p - q,
        low=p - q - math.hypot(p - p_low, q_high - q),
        high=p - q + math.hypot(p_high - p, q - q_low),
        n=n,
        groups=n,
    )
