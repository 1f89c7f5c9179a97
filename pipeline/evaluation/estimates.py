"""Metrics with intervals on predictions."""

from __future__ import annotations

import numpy as np

from pipeline.core.contracts import Metric
from pipeline.statistics.bootstrap import Basis, Estimate, Replicates, share_interval


def estimate_metrics(
    metrics: dict[str, Metric],
    targets: np.ndarray,
    decided: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    classes: list[str],
    num_resamples: int,
    seed: int,
    min_class: int = 1,
) -> dict[str, Estimate]:
    """Every metric on all samples, with a 95 % interval over groups.

    Args:
        metrics: Name to metric.
        targets: (N, K) in {0, 1}.
        decided: (N, K) bool, as the predictor decided.
        scores: (N, K).
        groups: (N,) who is varied together.
        classes: K names; a metric per class is entered as `name/class`.
        num_resamples: Bootstrap resamples, where there are more than 100 groups.
        seed: Of the resamples.
        min_class: A class with fewer samples is not evaluable: its own figures are None, whatever they would be.

    Returns:
        Name to estimate; its `n` are the samples, of the class where per class.
    """
    ones, weights = np.ones((1, len(targets))), Replicates(groups=groups, num_resamples=num_resamples, seed=seed)
    replicates: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for block in weights:
        for name, metric in metrics.items():
            replicates[name].append(metric(targets, decided, scores, block))
    result = {}
    for name, metric in metrics.items():
        once, varied = metric(targets, decided, scores, ones)[0], np.concatenate(replicates[name])
        support = metric.support(targets, decided)
        if not metric.per_class:
            basis = Basis.of(support, groups)
            result[name] = _estimate(float(once), varied, weights, basis, len(targets))
            continue
        for column, label in enumerate(classes):
            size = int(targets[:, column].sum())
            value = float(once[column]) if size >= min_class else np.nan
            basis = Basis.of(support[:, [column]], groups)
            result[f"{name}/{label}"] = _estimate(value, varied[:, column], weights, basis, size)
    return result


def _estimate(value: float, replicates: np.ndarray, weights: Replicates, basis: Basis, n: int) -> Estimate:
    groups = int(basis.groups)
    if not np.isfinite(value):
        return Estimate(value=None, low=None, high=None, n=n, groups=groups)
    found = share_interval(value, replicates, weights, basis.n, basis.groups)
    low, high, cautious = found or (None, None, "")
    caveat = basis.caveat(found is not None, cautious)
    return Estimate(value=value, low=low, high=high, n=n, groups=groups, caveat=caveat)
