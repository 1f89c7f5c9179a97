"""Better than the champion on the same test samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pandas as pd

from pipeline.core.contracts import Gate, Metric
from pipeline.core.intervals import interval, resamples
from pipeline.core.outcomes import Verdict


@final
@dataclass(frozen=True, kw_only=True)
class Better(Gate):
    """The first model is promoted; a later one when it gains more than `min_gain` on the samples both were judged by.

    The paired interval of the gain (same resamples of groups for both) stands beside the decision.

    Args:
        metric: One number for all classes; where smaller is better, a gain is how much smaller it became.
        min_gain: The gain must be above it.
        num_resamples: Bootstrap resamples, at least 100.
        seed: Of the resamples.
    """

    metric: Metric
    min_gain: float
    num_resamples: int
    seed: int

    def __post_init__(self) -> None:
        if self.metric.per_class:
            raise ValueError("metric must be one number for all classes (averaging macro, weighted or micro)")
        if self.num_resamples < 100:
            raise ValueError(f"num_resamples must be at least 100, got {self.num_resamples}")

    def __call__(self, challenger: pd.DataFrame, champion: pd.DataFrame | None) -> Verdict:
        if champion is None:
            return Verdict(True, ["there was no champion before"])
        common = challenger.merge(champion, on="sample_id", suffixes=("", "_champion"), validate="one_to_one")
        if common.empty:
            return Verdict(False, ["no test sample is common to both: the champion was judged on other data"])
        differing = [list(a) != list(b) for a, b in zip(common["targets"], common["targets_champion"], strict=True)]
        if any(differing):
            return Verdict(
                False, [f"{sum(differing)} common test samples have another label now; judge the champion again"]
            )
        ours, theirs = _arrays(common, ""), _arrays(common, "_champion")
        groups = common["group"].to_numpy(dtype=str)
        ones = np.ones((1, len(common)))
        value, before = float(self.metric(*ours, ones)[0]), float(self.metric(*theirs, ones)[0])
        if not np.isfinite([value, before]).all():
            return Verdict(False, [f"the gate's metric is undefined on the {len(common)} common test samples"])
        sign = 1.0 if self.metric.larger_is_better else -1.0
        drawn = [
            sign * (self.metric(*ours, weights) - self.metric(*theirs, weights))
            for weights in resamples(groups, self.num_resamples, self.seed)
        ]
        several = len(np.unique(groups)) > 1  # one group says nothing about how groups vary
        low, high = interval(np.concatenate(drawn)) if several else (None, None)
        gain = sign * (value - before)
        promote = bool(gain > self.min_gain)
        evidence: dict[str, Any] = {
            "challenger": value,
            "champion": before,
            "gain": {"value": gain, "low": low, "high": high, "n": len(common)},
            "min_gain": self.min_gain,
        }
        comparison = "more" if promote else "not more"
        return Verdict(
            promote,
            [f"gain {gain:+.4f} on {len(common)} common test samples, {comparison} than {self.min_gain}"],
            evidence,
        )


def _arrays(table: pd.DataFrame, suffix: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    targets, decided, scores = (
        np.stack(table[f"{name}{suffix}"].to_numpy()) for name in ("targets", "decided", "scores")
    )
    return targets, decided, scores
