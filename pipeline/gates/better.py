"""Better than the champion on the same test samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import pandas as pd

from pipeline.core.comparing import Compared
from pipeline.core.contracts import Gate, Metric
from pipeline.core.outcomes import Verdict


@final
@dataclass(frozen=True, kw_only=True)
class Better(Gate):
    """The first model is promoted; a later one when it gains more than `min_gain` on the samples both were judged by.

    The paired interval of the gain (same resamples of groups for both) stands beside the decision. Both are judged by
    the challenger's labels: one that was corrected since holds for the champion's decisions too.

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
        common = Compared.of(challenger, champion)
        if common is None:
            return Verdict(False, ["no test sample is common to both: the champion was judged on other data"])
        found = common.gains({"metric": self.metric}, self.num_resamples, self.seed)["metric"]
        gain = found["gain"]["value"]
        if gain is None:
            return Verdict(False, [f"the gate's metric is undefined on the {len(common)} common test samples"])
        promote = bool(gain > self.min_gain)
        evidence: dict[str, Any] = {
            "challenger": found["after"],
            "champion": found["before"],
            "gain": found["gain"],
            "min_gain": self.min_gain,
        }
        comparison = "more" if promote else "not more"
        reasons = [f"gain {gain:+.4f} on {len(common)} common test samples, {comparison} than {self.min_gain}"]
        if common.num_relabelled:
            reasons.append(
                f"both judged by the labels of today, which {common.num_relabelled} of them did not have before"
            )
        return Verdict(promote, reasons, evidence)
