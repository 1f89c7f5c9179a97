"""A share of all, from a sample in which some had a better chance to be than others."""

from __future__ import annotations

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.statistics.bootstrap import Basis, Bootstrap, share_interval


def weighted_accuracy(
    hits: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap
) -> Estimate:
    """The share of hits among all, by the inverse of the probability with which each was looked at.

    It is the ratio estimator: the weights of the hits over all weights. The interval is from the spread between groups;
    where the mistakes are few it is Clopper's and Pearson's at the effective number of samples
    (sum of weights)^2 / sum of squared weights. Its coverage is in benchmarks/autolabel.py.

    Args:
        hits: (N,) bool, of those that were looked at.
        probabilities: (N,) with which each was picked, above 0 and at most 1, known before anybody looked.
        groups: (N,) of the samples; those of a group are resampled together.
        bootstrap: How groups are resampled, where there are more than 100.

    Raises:
        ValueError: A probability is not above 0 and at most 1.

    Source: Horvitz and Thompson 1952, doi:10.1080/01621459.1952.10483446; Hajek 1971, in Foundations of Statistical
        Inference, for the ratio; Kish 1965, Survey Sampling, for the effective number.
    """
    if not len(hits):
        return Estimate(value=None, low=None, high=None, n=0, groups=0)
    if not ((probabilities > 0) & (probabilities <= 1)).all():
        raise ValueError("a probability must be above 0 and at most 1")
    weights = 1 / probabilities.astype(np.float64)
    values = weights * hits
    replicates = bootstrap.replicates(groups)
    varied = np.concatenate([block @ values / (block @ weights) for block in replicates])
    basis = Basis.of(np.ones((len(hits), 1), dtype=bool), groups)
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    value = float(values.sum() / weights.sum())
    interval = share_interval(value, varied, replicates, effective, min(basis.groups, effective))
    low, high, cautious = interval or (None, None, "")
    caveat = basis.caveat(interval is not None, cautious)
    return Estimate(value=value, low=low, high=high, n=len(hits), groups=int(basis.groups), caveat=caveat)
