"""The section on decisions: calibration, prediction sets, abstention and thresholds, and whether test is like val."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.core.estimate import Estimate
from pipeline.report.distance_text import describe_distance
from pipeline.report.formatting import Figure, figure, share
from pipeline.report.plots import Line, Tick, axis, line

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject
    from pipeline.core.results import StoredFinding

NAMES = {
    "calibration_error": ("calibration error", "mean distance between a score and the share right, after calibration"),
    "calibration_error_before": ("before calibration", "the same with the scores of the model as they are"),
    "set_coverage": ("coverage of the sets", "share of true labels that the prediction set of their {noun} holds"),
    "single_sets": ("sets with one class", "share of {noun}s whose set holds exactly one class"),
    "abstained": ("left to a person", "share of {noun}s on which the policy abstains"),
    "out_of_distribution": ("out of distribution", "share of {noun}s whose features are far from those of train"),
    "mean_cost": ("mean cost", "of a {noun} of test, in the unit of aim.costs"),
    "mean_cost_of_highest_score": (
        "with the highest score",
        "mean cost if the class with the highest score is decided",
    ),
    "mean_cost_saving": (
        "saved by the costs",
        "the second minus the first, on the same {noun}s; below 0 the costs made the decisions worse",
    ),
    "accuracy_of_rest": ("accuracy of the rest", "share of the other {noun}s that is right"),
    "val_test_auc": ("AUC between val and test", "how well a probe separates their {noun}s; chance is 50 %"),
}
OF_CLASS = "set_coverage/"
LOWER_IS_BETTER = (
    *("calibration_error", "calibration_error_before", "abstained", "out_of_distribution"),
    *("mean_cost", "mean_cost_of_highest_score"),
)
SMALL_GAP = 0.02  # of mean score and share right
BELOW_CHANCE = (
    "below 50 % the probe does worse than chance on {noun}s that it was not fitted to, so it found no difference"
)


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A tenth of the score: position and size of its dot, as shares of the plot, and its figures."""

    score: float
    right: float
    count: int
    weight: float


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Accuracy against the share of pictures that is decided.

    Attributes:
        curve: In percent of the plot.
        x_ticks: Of the share.
        y_ticks: Of the accuracy.
        rows: Share, least confidence and accuracy of each point.
        alt: What the plot shows, in words.
    """

    curve: Line
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    rows: list[tuple[float, float, float]]
    alt: str


@dataclass(frozen=True, kw_only=True)
class Shift:
    """The share of a class in val and test; `differs` where chance does not explain the difference."""

    name: str
    val: float
    test: float
    change: Figure
    differs: bool


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A class with a threshold of its own, and what test shows with it."""

    name: str
    threshold: float
    precision: Figure
    recall: Figure


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """The content of the section.

    Attributes:
        state: `alike`, `differ` or `cannot_be_judged`: test compared with val.
        claim: What follows from that, in words.
        mix: What follows from other shares of the classes in train, val and test; empty where none are shown.
        notes: What could not be fitted.
        calibration: What calibration did, in words.
        scores: Mean score and share right after calibration, in words.
        far: What out of distribution means here, in words; empty where no distance is measured.
        promise: Wanted and found coverage, in words; empty without sets.
        figures: With their intervals.
        per_class: Coverage of each class.
        before: Dots of the reliability diagram before calibration.
        after: The same after.
        sizes: Number of classes in a set to the number of pictures.
        thresholds: Of the aim.
        curve: Of risk and coverage.
        shifts: Of the classes.
        per_label: Whether each label of a picture has its own score.
        abstention: Of the policy.
        num_val: Pictures of val, on which everything was fitted.
    """

    state: str
    claim: str
    mix: str
    notes: list[str]
    calibration: str
    scores: str
    far: str
    promise: str
    figures: list[Figure]
    per_class: list[Figure]
    before: list[Dot]
    after: list[Dot]
    sizes: list[tuple[int, int]]
    thresholds: list[Threshold]
    curve: Curve
    shifts: list[Shift]
    per_label: bool
    abstention: str
    num_val: int


def decisions(content: JsonObject, class_drift: StoredFinding | None = None) -> Decisions:
    """The section from `reports/policy_figures.json`, and what the check of that name found."""
    policy, alike = content["policy"], content["exchangeability"]
    figures = {name: Estimate.from_json(entry) for name, entry in content["figures"].items()}
    return Decisions(
        state=alike["state"],
        claim=alike["sentence"],
        mix=describe_class_drift(class_drift),
        notes=list(policy["notes"]),
        calibration=describe_calibration(policy, figures),
        scores=describe_scores(content["reliability"]["after"], policy["exclusive"]),
        far=describe_distance(policy, figures),
        promise=describe_coverage(policy, figures, alike["state"]),
        figures=[_figure(name, figures[name]) for name in NAMES if name in figures],
        per_class=[
            figure(name, one, words=(name.removeprefix(OF_CLASS), ""))
            for name, one in figures.items()
            if name.startswith(OF_CLASS)
        ],
        before=_dots(content["reliability"]["before"]),
        after=_dots(content["reliability"]["after"]),
        sizes=[(int(size), count) for size, count in content["set_sizes"].items()],
        thresholds=[
            Threshold(
                name=row["class"],
                threshold=row["threshold"],
                precision=figure("precision", Estimate.from_json(row["precision"])),
                recall=figure("recall", Estimate.from_json(row["recall"])),
            )
            for row in content["rule"]
        ],
        curve=_curve(content["risk_curve"]),
        shifts=[
            Shift(
                name=row["class"],
                val=row["val"],
                test=row["test"],
                change=figure("change", Estimate.from_json(row["change"]), is_difference=True),
                differs=row["differs"],
            )
            for row in alike["shifts"]
        ],
        per_label=not policy["exclusive"],
        abstention=policy["abstention"],
        num_val=policy["num_samples"],
    )


def describe_class_drift(found: StoredFinding | None) -> str:
    """What other shares of the classes in val mean for the claims that were fitted there; empty where none are shown.

    Args:
        found: Of the check `class_drift`; None where it was switched off.
    """
    if found is None or found.state != "failed":
        return ""
    return (
        f"{found.sentence} Calibration and coverage are fitted on val: what they claim holds for classes as frequent "
        "as in val, and does not carry over to test or to use, where they are not."
    )


def describe_calibration(policy: JsonObject, figures: dict[str, Estimate]) -> str:
    """What the temperature is and what it did to the calibration error of test, as sentences."""
    temperatures = policy["temperatures"]
    low, high = min(temperatures), max(temperatures)
    if low == high == 1:
        return "The scores are those of the model: no temperature was fitted."
    said = f"temperature {low:.2f}" if high - low < 0.005 else f"temperatures of {low:.2f} to {high:.2f}, one per label"
    side = " (above 1: the model was overconfident on val)" if low > 1 else ""
    side = side or (" (below 1: the model was underconfident on val)" if high < 1 else "")
    text = f"The scores are calibrated with {said}{side}. That changes no predicted class."
    perfect = figures.get("calibration_error_of_perfect")
    if perfect is not None and perfect.value is not None:
        text += f" Perfect scores would show an error of about {share(perfect.value)} on as many {{noun}}s by chance."
    fall = figures.get("calibration_error_fall")
    if fall is None or fall.value is None:
        return text
    before, after = (figures[name].value or 0 for name in ("calibration_error_before", "calibration_error"))
    text += f" On test the calibration error went from {share(before)} to {share(after)}"
    if fall.interval is None:
        return f"{text}; test has too few groups to say whether that is more than chance."
    shown = "less than before" if fall.interval[0] > 0 else "more than before" if fall.interval[1] < 0 else ""
    return f"{text}: {shown}." if shown else f"{text}, a difference that chance explains."


def describe_scores(bins: list[JsonObject], exclusive: bool) -> str:
    """The mean calibrated score and the share that is right, and which is larger; empty without pictures."""
    total = sum(one["count"] for one in bins)
    if not total:
        return ""
    mean, right = (
        sum(one[name] * one["count"] for one in bins if one["count"]) / total for name in ("mean_score", "right")
    )
    if not exclusive:
        return (
            f"Over all classes the mean score is {share(mean)}, and the share of labels that are present is "
            f"{share(right)}."
        )
    verdict = "overall it is overconfident" if mean > right else "overall it is underconfident"
    if abs(mean - right) < SMALL_GAP:
        verdict = "overall its confidence matches its accuracy"
    return f"The mean of the highest score is {share(mean)}, and it is right for {share(right)} of test: {verdict}."


def describe_coverage(policy: JsonObject, figures: dict[str, Estimate], state: str) -> str:
    """Wanted and found coverage of the prediction sets, with a warning where they differ; empty without sets."""
    found = figures.get("set_coverage")
    if policy["set_thresholds"] is None or found is None or found.value is None:
        return ""
    wanted = policy["coverage"]
    text = (
        f"Prediction sets that were fitted on val to hold the true class of {100 * wanted:g} % of the {{noun}}s hold "
    )
    text += f"that of {share(found.value)} of test"
    classes = {name.removeprefix(OF_CLASS): one for name, one in figures.items() if name.startswith(OF_CLASS)}
    defined = {name: one.value for name, one in classes.items() if one.value is not None}
    if defined:
        worst = min(defined, key=lambda name: defined[name])
        text += f", and of {share(defined[worst])} of {worst}"
    if found.high is not None and found.high < wanted:
        return f"{text}. That is fewer than promised: do not rely on the sets for {{noun}}s like those of test."
    if state != "alike":
        return f"{text}. The promise is for {{noun}}s like those of val."
    return f"{text}."


def _figure(name: str, estimate: Estimate) -> Figure:
    words = NAMES[name]
    if name == "val_test_auc" and estimate.value is not None and estimate.value < 0.5:
        words = (words[0], f"{words[1]}; {BELOW_CHANCE}")
    return figure(name, estimate, lower_is_better=name in LOWER_IS_BETTER, words=words)


def _dots(bins: list[JsonObject]) -> list[Dot]:
    fullest = max(1, max(one["count"] for one in bins))
    return [
        Dot(score=one["mean_score"], right=one["right"], count=one["count"], weight=one["count"] / fullest)
        for one in bins
        if one["count"]
    ]


def _curve(points: list[JsonObject]) -> Curve:
    shares, accuracies = [one["share"] for one in points], [one["accuracy"] for one in points]
    x_axis, y_axis = axis([0.0, 1.0]), axis([*accuracies, 1.0])
    return Curve(
        curve=line("accuracy", "first", shares, accuracies, x_axis, y_axis),
        x_ticks=[Tick(x_axis.across(one), f"{100 * one:.0f} %") for one in x_axis.ticks],
        y_ticks=[Tick(y_axis.down(one), f"{100 * one:.4g} %") for one in y_axis.ticks],
        rows=[(one["share"], one["confidence"], one["accuracy"]) for one in points],
        alt=f"Accuracy of the most confident share of test: from {share(accuracies[0])} of the first "
        f"{share(shares[0])} to {share(accuracies[-1])} of all.",
    )
