"""Every number has an interval: percentile bootstrap that resamples groups."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

Z = 1.959963984540054  # a standard normal variable lies within this of 0 with probability 0.95
CHUNK_CELLS = 20_000_000  # weights held at once, in numbers


def resamples(groups: np.ndarray, num_resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each sample counts in each bootstrap resample.

    Whole groups are drawn with replacement, so that samples which resemble each other (the same patient, the same
    module) do not make the interval look narrower than it is.

    Args:
        groups: (N,) label of each sample's group; all different when samples are independent.
        num_resamples: Number of resamples in all.
        seed: Of the draws.

    Yields:
        (r, N) float64 blocks, `num_resamples` rows in all.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 8 and 13; Field and Welsh 2007,
        doi:10.1111/j.1467-9868.2007.00593.x, for the cluster bootstrap.
    """
    _, members = np.unique(groups, return_inverse=True)
    num_groups = int(members.max()) + 1
    generator = np.random.default_rng(seed)
    block = max(1, min(num_resamples, CHUNK_CELLS // max(1, len(members))))
    done = 0
    while done < num_resamples:
        size = min(block, num_resamples - done)
        counts = generator.multinomial(num_groups, np.full(num_groups, 1 / num_groups), size=size)
        yield counts[:, members].astype(np.float64)
        done += size


def interval(values: np.ndarray, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """The percentile interval of bootstrap values; None for both where fewer than half of them are defined."""
    defined = values[np.isfinite(values)]
    if len(defined) < max(1, len(values) / 2):
        return None, None
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def samples_needed(half_width: float) -> int:
    """Samples for which the 95 % interval of a share is at most `half_width` to either side, whatever the share is.

    Wilson's interval is widest at one half, where its half-width is z / (2 sqrt(n + z^2)).

    Raises:
        ValueError: `half_width` is not above 0 and below 0.5.

    Source: E. B. Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    if not 0 < half_width < 0.5:
        raise ValueError(f"half_width must be above 0 and below 0.5, got {half_width}")
    return math.ceil(Z**2 * (1 / (4 * half_width**2) - 1))
