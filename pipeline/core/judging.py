"""Metrics with intervals on predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.contracts import Metric
from pipeline.core.intervals import interval, resamples


def judge(
    metrics: dict[str, Metric],
    targets: np.ndarray,
    decided: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    classes: list[str],
    num_resamples: int,
    seed: int,
    min_class: int = 1,
) -> dict[str, dict[str, Any]]:
    """Every metric on all samples, with a 95 % bootstrap interval that resamples groups.

    Args:
        metrics: Name to metric.
        targets: (N, K) in {0, 1}.
        decided: (N, K) bool, as the predictor decided.
        scores: (N, K).
        groups: (N,) who is resampled together.
        classes: K names; a metric per class is entered as `name/class`.
        num_resamples: Bootstrap resamples.
        seed: Of the resamples.
        min_class: A class with fewer samples is not evaluable: its own figures are None, whatever they would be.

    Returns:
        Name to `value`, `low`, `high` (None where undefined or not evaluable) and `n` (samples, of the class where per
        class).
    """
    once = {name: metric(targets, decided, scores, np.ones((1, len(targets))))[0] for name, metric in metrics.items()}
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for weights in resamples(groups, num_resamples, seed):
        for name, metric in metrics.items():
            drawn[name].append(metric(targets, decided, scores, weights))
    result = {}
    independent = len(np.unique(groups)) > 1  # one group says nothing about how groups vary
    for name, metric in metrics.items():
        values = np.concatenate(drawn[name]) if independent else np.full_like(np.concatenate(drawn[name]), np.nan)
        if metric.per_class:
            for column, label in enumerate(classes):
                size = int(targets[:, column].sum())
                known = 1.0 if size >= min_class else np.nan
                result[f"{name}/{label}"] = _entry(once[name][column] * known, values[:, column] * known, size)
        else:
            result[name] = _entry(once[name], values, len(targets))
    return result


def _entry(value: float, values: np.ndarray, n: int) -> dict[str, Any]:
    low, high = interval(values)
    return {"value": float(value) if np.isfinite(value) else None, "low": low, "high": high, "n": n}
