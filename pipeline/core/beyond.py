"""What a model adds to the properties of the pictures, which predict their label without a look at what they show."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.intervals import interval, resamples
from pipeline.core.scoring import mean_recall

BEYOND = "beyond_nuisances"  # in reports/metrics.json
BASELINE = "nuisance_baseline"  # in reports/checks.json


def beyond_nuisances(
    checks: dict[str, Any], targets: np.ndarray, decided: np.ndarray, groups: np.ndarray, num_resamples: int, seed: int
) -> dict[str, dict[str, Any]]:
    """The model's balanced accuracy less that of all properties together, as an entry of the metrics; empty without it.

    The interval is that of the model, by a bootstrap that resamples groups: the baseline, from all splits, is taken as
    it is.

    Args:
        checks: `reports/checks.json`.
        targets: (N, K) in {0, 1}.
        decided: (N, K) bool.
        groups: (N,) who is resampled together.
        num_resamples: Bootstrap resamples.
        seed: Of the resamples.
    """
    if BASELINE not in checks:
        return {}
    floor = float(checks[BASELINE]["value"])
    value = float(mean_recall(targets, decided, np.ones((1, len(targets))))[0]) - floor
    drawn = [mean_recall(targets, decided, weights) - floor for weights in resamples(groups, num_resamples, seed)]
    several = len(np.unique(groups)) > 1  # one group says nothing about how groups vary
    low, high = interval(np.concatenate(drawn)) if several else (None, None)
    known = np.isfinite(value)
    return {BEYOND: {"value": value if known else None, "low": low, "high": high, "n": len(targets)}}


def is_below(entry: dict[str, Any]) -> bool:
    """Whether the test shows that the properties alone do better."""
    return entry["high"] is not None and entry["high"] < 0


def sentence(entry: dict[str, Any] | None) -> str:
    """What the entry says; empty where there is none."""
    if entry is None or entry["value"] is None:
        return ""
    points = 100 * entry["value"]
    told = (
        f"{abs(points):.1f} points {'below' if points < 0 else 'above'} what the properties of the pictures alone reach"
    )
    if entry["low"] is None or entry["high"] is None:
        return f"Its balanced accuracy is {told}; no interval says how sure that is"
    told += f", between {100 * entry['low']:+.1f} and {100 * entry['high']:+.1f}"
    if entry["low"] > 0:
        return f"Its balanced accuracy is {told}: it has learnt more than these"
    if is_below(entry):
        return f"Its balanced accuracy is {told}: it does worse than these"
    return f"Its balanced accuracy is {told}: this test does not show that it has learnt more than these"
