"""Metrics with intervals on predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.core.evaluation_contracts import Metric
from pipeline.core.predictions import Predictions
from pipeline.statistics.bootstrap import MIN_GROUPS, Basis, Bootstrap, Replicates, bounded_interval


def estimate_metrics(
    metrics: dict[str, Metric], predictions: Predictions, bootstrap: Bootstrap, min_class: int = 1
) -> dict[str, Estimate]:
    """Every metric on all samples, with a 95 % interval over groups.

    Args:
        metrics: Name to metric.
        predictions: Predictions of N samples; a metric per class is returned as `name/class`.
        bootstrap: How groups are resampled, where there are more than 100.
        min_class: The figures of a class with fewer samples are marked `few`; they have their value and interval. Those
            of a class with fewer than 5 are not evaluable: they have no value, and the caveat says so.

    Returns:
        Name to estimate; its `n` is the number of samples, for a metric per class that of the class.
    """
    matrices = predictions.targets, predictions.decided, predictions.scores
    ones, weights = np.ones((1, len(predictions))), bootstrap.replicates(predictions.groups)
    replicates: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for block in weights:
        for name, metric in metrics.items():
            replicates[name].append(metric.without_bias(*matrices, block))
    result = {}
    for name, metric in metrics.items():
        once, centre = metric(*matrices, ones)[0], metric.without_bias(*matrices, ones)[0]
        varied = np.concatenate(replicates[name])
        support = metric.support(predictions.targets, predictions.decided)
        if not metric.per_class:
            basis = Basis.of(support, predictions.groups)
            result[name] = _estimate(metric, float(once), float(centre), varied, weights, basis, len(predictions))
            continue
        for column, label in enumerate(predictions.classes):
            size = int(predictions.targets[:, column].sum())
            basis = Basis.of(support[:, [column]], predictions.groups)
            if size < MIN_GROUPS:
                result[f"{name}/{label}"] = _not_evaluable(size, int(basis.groups), min_class)
                continue
            values = float(once[column]), float(centre[column])
            one = _estimate(metric, *values, varied[:, column], weights, basis, size)
            result[f"{name}/{label}"] = replace(one, few=size < min_class)
    return result


def _not_evaluable(size: int, groups: int, min_class: int) -> Estimate:
    """The figure of a class with so few samples that they cannot lie in 5 groups, so it could have no interval."""
    count = f"{size} sample{'s' * (size != 1)}" if size else "no sample"
    caveat = f"not evaluable: {count} of the class, at least {MIN_GROUPS} are needed"
    few = 0 < size < min_class
    return Estimate(value=None, low=None, high=None, n=size, groups=groups, caveat=caveat, few=few)


def _estimate(
    metric: Metric, value: float, centre: float, replicates: np.ndarray, weights: Replicates, basis: Basis, n: int
) -> Estimate:
    """The value with the interval around the centre, which is the value without bias; it is extended to the value."""
    groups = int(basis.groups)
    if not np.isfinite(value):
        return Estimate(value=None, low=None, high=None, n=n, groups=groups)
    interval = bounded_interval(centre, replicates, weights, basis.n, basis.groups, metric.bounds)
    if interval is None:
        return Estimate(value=value, low=None, high=None, n=n, groups=groups, caveat=basis.caveat(has_interval=False))
    low, high, cautious = interval
    caveat = "; ".join(filter(None, (basis.caveat(has_interval=True, cautious=cautious), metric.caveat)))
    return Estimate(value=value, low=min(low, value), high=max(high, value), n=n, groups=groups, caveat=caveat)
