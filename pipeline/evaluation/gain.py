"""The gain of a challenger on the test samples of both, and why there may be none; what the gates that prove share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.core.estimate import Change, Estimate
from pipeline.core.results import Evidence, GateResult
from pipeline.evaluation.figures import ClassFigure
from pipeline.evaluation.paired_comparison import PairedPredictions
from pipeline.statistics.detectable import power_of

if TYPE_CHECKING:
    from pipeline.core.evaluation_contracts import Contest
    from pipeline.statistics.bootstrap import Bootstrap

NUM_NAMED = 5  # classes
GONE = GateResult(outcome="not_needed", sentence="there is no champion to compare with")


@dataclass(frozen=True, kw_only=True, eq=False)
class Gain:
    """The gain of the challenger, with its interval.

    Attributes:
        change: Both figures on the common samples, and the gain.
        pairs: The common samples.
        classes: Which classes were added or removed, in words; empty where they are the same.
    """

    change: Change
    pairs: PairedPredictions
    classes: str

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return (self.change.gain.interval or (float("-inf"),))[0]

    @property
    def evidence(self) -> Evidence:
        """Both figures and the gain, by name."""
        return {"challenger": self.change.after, "champion": self.change.before, "gain": self.change.gain}

    @property
    def text(self) -> str:
        """`gain +0.0200 [+0.0100, +0.0300] on 372 common test samples of 34 groups`."""
        gain = self.change.gain
        ends = "" if gain.interval is None else " [{:+z.4f}, {:+z.4f}]".format(*gain.interval)
        where = f"on {len(self.pairs)} common test samples of {self.pairs.later.num_groups} groups"
        return f"gain {gain.value:+z.4f}{ends} {where}"

    def result(self, min_gain: float) -> GateResult:
        """Passed where the lower end of the interval is above a limit."""
        passed = self.low > min_gain
        sentence = f"{self.text}: its lower end is {'above' if passed else 'not above'} {min_gain}"
        if (self.change.gain.value or 0.0) > 0 >= self.low:
            sentence += ", and the gain could be chance"
        if self.pairs.num_relabelled:
            sentence += (
                f"; both are evaluated by the current labels; {self.pairs.num_relabelled} of these samples had other "
                "labels before"
            )
        figures = {**self.evidence, "min_gain": min_gain}
        return GateResult(outcome="passed" if passed else "refused", sentence=sentence, figures=figures)


def measure_gain(contest: Contest, name: str, min_samples: int, bootstrap: Bootstrap) -> Gain | GateResult:
    """The gain of the challenger in a figure, by its labels, which include corrections since the champion.

    Where the classes of the two differ, the figure is that of the classes of both.

    Args:
        contest: The two models.
        name: Of the figure, one of `contest.metrics`.
        min_samples: Common test samples below which nothing can be said.
        bootstrap: How groups are resampled.

    Returns:
        The gain, or why there is none: no champion, or nothing that could be compared.
    """
    if contest.champion is None:
        return GONE
    challenger, champion, metric = contest.challenger.predictions, contest.champion.predictions, contest.metrics[name]
    classes = describe_classes(challenger.classes, champion.classes)
    if not {*challenger.classes} & {*champion.classes}:
        return _silent(f"{classes}; no class is common to both, so nothing can be compared")
    common = PairedPredictions.match(challenger, champion)
    if common is None:
        return _silent("no test sample is common to both: the champion was evaluated on other data")
    if len(common) < min_samples:
        return _silent(f"no verdict: {len(common)} common test samples, at least {min_samples} are needed")
    if classes and common.later.targets.all():
        shared = truncate_names(common.later.classes)
        reason = f"{classes}; all {len(common)} common test samples are {shared}, so a model that always "
        return _silent(f"{reason}answers that would look perfect: no verdict")
    if isinstance(metric, ClassFigure):
        label = challenger.classes[metric.column]
        if label not in common.later.classes:
            return _silent(f"{classes}; the figure {name} is of {label}, which is not common: no verdict")
        metric = replace(metric, column=common.later.classes.index(label))
    change = common.paired_differences({name: metric}, bootstrap)[name]
    if change.gain.value is None:
        return _silent(f"the figure {name} is undefined on the {len(common)} common test samples")
    found = Gain(change=change, pairs=common, classes=classes)
    if change.gain.interval is None:
        return _silent(f"no verdict on the gain of {change.gain.value:+z.4f}: {change.gain.caveat}", found.evidence)
    return found


def describe_power(
    gain: Estimate, pairs: PairedPredictions, wanted: float, min_gain: float
) -> tuple[float | None, str]:
    """How often such a comparison shows a true gain, 0 to 1, and in words; None and an empty text where that is open.

    Args:
        gain: Of the comparison, with its interval.
        pairs: The compared samples.
        wanted: The true gain.
        min_gain: What the lower end of the interval must be above.
    """
    agrees = bool((pairs.later.decided == pairs.earlier.decided).all())
    if gain.interval is None or gain.value is None or agrees:
        return None, ""
    half = max(gain.value - gain.interval[0], gain.interval[1] - gain.value)  # the longer side is not cut at a bound
    power = power_of(wanted - min_gain, half, gain.groups)
    return power, (
        f"with {len(pairs):,} pictures of {pairs.later.num_groups} groups a gain of {100 * wanted:g} points is shown "
        f"in {100 * power:.0f} of 100 cases"
    )


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
    """The first names, and how many more there are."""
    more = f" and {len(names) - NUM_NAMED} more" if len(names) > NUM_NAMED else ""
    return ", ".join(names[:NUM_NAMED]) + more


def _silent(sentence: str, figures: Evidence | None = None) -> GateResult:
    return GateResult(outcome="cannot_be_judged", sentence=sentence, figures=figures or {})
