"""The gate that promotes a model which is better than the champion on the same test samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

from annotated_types import Ge, Interval

from pipeline.core.contracts import Gate, Metric
from pipeline.core.predictions import Predictions
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.core.results import Evidence, Verdict
from pipeline.evaluation.paired_comparison import PairedPredictions
from pipeline.statistics.bootstrap import Bootstrap


@final
@dataclass(frozen=True, kw_only=True)
class Better(Gate):
    """Promotes the first model, and a later one if its gain on the common samples is significantly above `min_gain`.

    The lower end of the paired 95 % interval decides, not the gain: with two equal models, a gain above 0 would promote
    the later one in almost half of all cases. Both are evaluated by the challenger's labels, which include corrections
    since the champion.

    Args:
        metric: Name of a figure that `metric` gives, such as `f1_macro`, or `recall/CLASS` of one class; where smaller
            is better, a gain is how much smaller it became.
        min_gain: The lower end of the interval must be above this. 0 requires a better model, -0.01 for one that is at
            most 1 point worse, as for scheduled retraining on newer data.
        min_samples: Common test samples below which there is no verdict.
        num_resamples: Bootstrap resamples, at least 100, where there are more than 100 groups.
        seed: Of the resamples.
    """

    metric: Metric
    min_gain: Annotated[float, Interval(ge=-1, le=1)]
    min_samples: PositiveInt
    num_resamples: Annotated[int, Ge(100)]
    seed: Seed

    def __post_init__(self) -> None:
        if self.metric.per_class:
            raise ValueError("metric must be one number for all classes (averaging macro, weighted or micro)")

    def __call__(self, challenger: Predictions, champion: Predictions | None) -> Verdict:
        if champion is None:
            return Verdict(True, ["there was no champion before"])
        common = PairedPredictions.match(challenger, champion)
        if common is None:
            return Verdict(False, ["no test sample is common to both: the champion was evaluated on other data"])
        if len(common) < self.min_samples:
            return Verdict(
                False, [f"no verdict: {len(common)} common test samples, at least {self.min_samples} are needed"]
            )
        bootstrap = Bootstrap(num_resamples=self.num_resamples, seed=self.seed)
        change = common.paired_differences({"metric": self.metric}, bootstrap)["metric"]
        gain = change.gain
        if gain.value is None:
            return Verdict(False, [f"the gate's metric is undefined on the {len(common)} common test samples"])
        evidence: Evidence = {
            "challenger": change.after,
            "champion": change.before,
            "gain": gain,
            "min_gain": self.min_gain,
        }
        if gain.interval is None:
            return Verdict(False, [f"no verdict on the gain of {gain.value:+.4f}: {gain.caveat}"], evidence)
        low, high = gain.interval
        promote = bool(low > self.min_gain)
        result = f"its lower end is {'above' if promote else 'not above'} {self.min_gain}"
        where = f"on {len(common)} common test samples of {gain.groups} groups"
        reasons = [f"gain {gain.value:+.4f} [{low:+.4f}, {high:+.4f}] {where}: {result}"]
        if common.num_relabelled:
            reasons.append(
                "both are evaluated by the current labels; "
                f"{common.num_relabelled} of these samples had other labels before"
            )
        return Verdict(promote, reasons, evidence)
