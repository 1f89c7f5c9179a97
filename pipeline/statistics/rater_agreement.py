"""How much people agree on the same samples beyond chance: Cohen's kappa of a pair, and of all pairs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.statistics.bootstrap import Basis, Bootstrap, bounded_interval


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class RatedPair:
    """What two people said of the same N samples.

    Attributes:
        first: (N,) codes from 0, of one person.
        second: (N,) codes of the other one.
        groups: (N,) of the samples.
    """

    first: np.ndarray
    second: np.ndarray
    groups: np.ndarray

    def chance(self, weights: np.ndarray) -> np.ndarray:
        """(R,) the share of agreement that chance alone would give, times the squared weight of the samples."""
        number = int(max(self.first.max(), self.second.max())) + 1
        return np.asarray(
            ((weights @ np.eye(number)[self.first]) * (weights @ np.eye(number)[self.second])).sum(axis=1)
        )


def estimate_kappa(pairs: Sequence[RatedPair], bootstrap: Bootstrap) -> Estimate:
    """Cohen's kappa of the pairs together: 1 where all agree, 0 where chance would agree as often.

    Agreement and chance are the means over pairs, each with the weight of its samples. There is no number where chance
    agrees always: everybody said the same of every sample.

    Args:
        pairs: With at least one sample each.
        bootstrap: How groups of samples are resampled, where there are more than 100.

    Source: Cohen 1960, doi:10.1177/001316446002000104.
    """
    if not pairs:
        return Estimate(value=None, low=None, high=None, n=0, groups=0)
    groups = np.concatenate([one.groups for one in pairs])
    ends = np.cumsum([len(one.first) for one in pairs])
    weights = bootstrap.replicates(groups)
    varied = np.concatenate([_kappa(pairs, ends, block) for block in weights])
    value = float(_kappa(pairs, ends, np.ones((1, len(groups))))[0])
    basis = Basis.of(np.ones((len(groups), 1), dtype=bool), groups)
    if not np.isfinite(value):
        return Estimate(value=None, low=None, high=None, n=len(groups), groups=int(basis.groups))
    interval = bounded_interval(value, varied, weights, basis.n, basis.groups, (-1.0, 1.0))
    low, high, cautious = interval or (None, None, "")
    caveat = basis.caveat(interval is not None, cautious)
    return Estimate(value=value, low=low, high=high, n=len(groups), groups=int(basis.groups), caveat=caveat)


def _kappa(pairs: Sequence[RatedPair], ends: np.ndarray, weights: np.ndarray) -> np.ndarray:
    agreed = chance = np.zeros(len(weights))
    for pair, part in zip(pairs, np.split(weights, ends[:-1], axis=1), strict=True):
        total = part.sum(axis=1)
        agreed = agreed + part @ (pair.first == pair.second).astype(np.float64)
        chance = chance + np.divide(pair.chance(part), total, out=np.zeros(len(part)), where=total > 0)
    number = weights.sum(axis=1)
    return np.divide(agreed - chance, number - chance, out=np.full(len(weights), np.nan), where=number - chance > 1e-9)
