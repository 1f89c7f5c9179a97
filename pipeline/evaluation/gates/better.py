"""The gate that promotes a model which is better than the champion on the same test samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, final

from annotated_types import Ge, Interval

from pipeline.core.evaluation_contracts import Gate, Metric
from pipeline.core.predictions import Predictions
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.core.results import Evidence, Verdict
from pipeline.evaluation.figures import ClassFigure
from pipeline.evaluation.paired_comparison import PairedPredictions
from pipeline.statistics.bootstrap import Bootstrap

NUM_NAMED = 5  # classes


@final
@dataclass(frozen=True, kw_only=True)
class Better(Gate):
    """Promotes the first model, and a later one if its gain on the common samples is significantly above `min_gain`.

    The lower end of the paired 95 % interval decides, not the gain: with two equal models, a gain above 0 would promote
    the later one in almost half of all cases. Both are evaluated by the challenger's labels, which include corrections
    since the champion.

    Where the classes of the two differ, the metric is that of the classes of both, and `min_gain_of_shared` replaces
    `min_gain`: a class more is a gain that no common sample shows, so it is enough not to be much worse on the others.

    Args:
        metric: Name of a figure that `metric` gives, such as `f1_macro`, or `recall/CLASS` of one class; where smaller
            is better, a gain is how much smaller it became.
        min_gain: The lower end of the interval must be above this. 0 requires a better model, -0.01 for one that is at
            most 1 point worse, as for scheduled retraining on newer data.
        min_gain_of_shared: The same where classes were added, removed or renamed.
        min_samples: Common test samples below which there is no verdict.
        num_resamples: Bootstrap resamples, at least 100, where there are more than 100 groups.
        seed: Of the resamples.
    """

    metric: Metric
    min_gain: Annotated[float, Interval(ge=-1, le=1)]
    min_gain_of_shared: Annotated[float, Interval(ge=-1, le=1)]
    min_samples: PositiveInt
    num_resamples: Annotated[int, Ge(100)]
    seed: Seed

    def __post_init__(self) -> None:
        if self.metric.per_class:
            raise ValueError("metric must be one number for all classes (averaging macro, weighted or micro)")

    def __call__(self, challenger: Predictions, champion: Predictions | None) -> Verdict:
        if champion is None:
            return Verdict(True, ["promoted without a comparison: there was no champion"])
        min_gain, change_of_classes = self.min_gain, describe_classes(challenger.classes, champion.classes)
        if change_of_classes:
            min_gain = self.min_gain_of_shared
            if not {*challenger.classes} & {*champion.classes}:
                return Verdict(False, [f"{change_of_classes}; no class is common to both, so nothing can be compared"])
        common = PairedPredictions.match(challenger, champion)
        if common is None:
            return Verdict(False, ["no test sample is common to both: the champion was evaluated on other data"])
        if len(common) < self.min_samples:
            return Verdict(
                False, [f"no verdict: {len(common)} common test samples, at least {self.min_samples} are needed"]
            )
        if change_of_classes and common.later.targets.all():
            shared = truncate_names(common.later.classes)
            reason = f"{change_of_classes}; all {len(common)} common test samples are {shared}, so a model that always "
            return Verdict(False, [f"{reason}answers that would look perfect: no verdict"])
        metric = self.metric
        if isinstance(metric, ClassFigure):
            label = challenger.classes[metric.column]
            if label not in common.later.classes:
                reason = f"{change_of_classes}; gate.metric is a figure of {label}, which is not common: no verdict"
                return Verdict(False, [reason])
            metric = replace(metric, column=common.later.classes.index(label))
        bootstrap = Bootstrap(num_resamples=self.num_resamples, seed=self.seed)
        change = common.paired_differences({"metric": metric}, bootstrap)["metric"]
        gain = change.gain
        if gain.value is None:
            return Verdict(False, [f"the gate's metric is undefined on the {len(common)} common test samples"])
        evidence: Evidence = {
            "challenger": change.after,
            "champion": change.before,
            "gain": gain,
            "min_gain": min_gain,
        }
        if gain.interval is None:
            return Verdict(False, [f"no verdict on the gain of {gain.value:+z.4f}: {gain.caveat}"], evidence)
        low, high = gain.interval
        promote = bool(low > min_gain)
        result = f"its lower end is {'above' if promote else 'not above'} {min_gain}"
        if gain.value > 0 >= low:
            result += ", and the gain could be chance"
        where = f"on {len(common)} common test samples of {common.later.num_groups} groups"
        reasons = [f"gain {gain.value:+z.4f} [{low:+z.4f}, {high:+z.4f}] {where}: {result}"]
        if change_of_classes:
            reasons.append(f"{change_of_classes}; compared on the {len(common.later.classes)} classes of both")
        if common.num_relabelled:
            reasons.append(
                "both are evaluated by the current labels; "
                f"{common.num_relabelled} of these samples had other labels before"
            )
        return Verdict(promote, reasons, evidence)


def describe_classes(ours: list[str], theirs: list[str]) -> str:
    """Which classes the challenger has and the champion lacks, and the reverse; empty where they have the same."""
    added, removed = ([one for one in first if one not in second] for first, second in ((ours, theirs), (theirs, ours)))
    parts = [
        f"{truncate_names(names)} {'is' if len(names) == 1 else 'are'} {word}"
        for names, word in ((added, "new"), (removed, "gone"))
        if names
    ]
    return f"the classes changed: {' and '.join(parts)}" if parts else ""


def truncate_names(names: list[str]) -> str:
    more = f" and {len(names) - NUM_NAMED} more" if len(names) > NUM_NAMED else ""
    return ", ".join(names[:NUM_NAMED]) + more
