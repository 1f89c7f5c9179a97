"""Numbers and names as texts of the pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.core.estimate import Estimate
from pipeline.evaluation.margin_text import MARGIN

DASH = "\u2013"
SPACE = "\u00a0"  # does not break
UNITS = ("B", "kB", "MB", "GB", "TB")

PLAIN = {  # metric to its name and its meaning, in which `with_noun` names the samples
    "accuracy": ("accuracy", "share of {noun}s classified correctly"),
    "worst_group_accuracy": (
        "worst-group accuracy",
        "the lowest accuracy of a class, or of a class at one value of an attribute",
    ),
    "balanced_accuracy": ("balanced accuracy", "accuracy as if every class were equally frequent"),
    "baseline_margin": (
        "above the properties alone",
        "balanced accuracy minus that of a forest on the properties alone, on the same {noun}s",
    ),
    "shuffled_margin": (
        "above shuffled frames",
        "balanced accuracy minus that on the same samples with their frames or slices shuffled",
    ),
    "reversed_margin": ("above reversed clips", "balanced accuracy minus that on the same clips played backwards"),
    "single_margin": (
        "above a single frame",
        "balanced accuracy minus that with the best single frame or slice in place of all; val chose which one",
    ),
    "static_margin": (
        "above the middle frame alone",
        "balanced accuracy minus that of frozen features of the middle frame or slice, on the same samples",
    ),
    "static_baseline": (
        "the middle frame alone",
        "balanced accuracy of a linear classifier on frozen features of the middle frame or slice",
    ),
    "precision": ("precision", "of the {noun}s predicted as the class, the share that are of it"),
    "precision_macro": ("macro precision", "precision, every class counting the same"),
    "precision_weighted": ("weighted precision", "precision, classes weighted by their size"),
    "recall": ("recall", "of the {noun}s of the class, the share predicted as it"),
    "recall_macro": ("macro recall", "recall, every class counting the same"),
    "recall_weighted": ("weighted recall", "recall, classes weighted by their size"),
    "f1": ("F1", "harmonic mean of precision and recall"),
    "f1_macro": ("macro F1", "harmonic mean of precision and recall, every class counting the same"),
    "f1_weighted": ("weighted F1", "harmonic mean of precision and recall, classes weighted by their size"),
    "precision_micro": ("micro precision", "precision, every label of every {noun} counting the same"),
    "recall_micro": ("micro recall", "recall, every label of every {noun} counting the same"),
    "f1_micro": ("micro F1", "harmonic mean of precision and recall, every label of every {noun} counting the same"),
    "hamming_loss": (
        "Hamming loss",
        "share of wrong decisions over all labels of all {noun}s; lower is better",
    ),
    "auroc": ("AUROC", "probability that a {noun} of the class scores higher than another one; guessing gives 50 %"),
    "auroc_macro": (
        "macro AUROC",
        "probability that a {noun} of a class scores higher than another one; guessing gives 50 %",
    ),
    "average_precision": ("average precision", "precision over all thresholds of the score"),
    "average_precision_macro": ("macro average precision", "precision over all thresholds, mean over classes (mAP)"),
    "specificity": ("specificity", "of the {noun}s of other classes, the share not predicted as the class"),
    "specificity_macro": ("macro specificity", "specificity, every class counting the same"),
    "specificity_weighted": ("weighted specificity", "specificity, classes weighted by their size"),
    "specificity_micro": ("micro specificity", "specificity, every label of every {noun} counting the same"),
    "top_3_accuracy": ("top-3 accuracy", "share of {noun}s whose class is among the three highest scores"),
    "top_5_accuracy": ("top-5 accuracy", "share of {noun}s whose class is among the five highest scores"),
    "matthews": ("Matthews correlation", "of labels and predictions; 0 is chance, 1 is perfect"),
    "kappa": ("Cohen's kappa", "agreement of labels and predictions beyond chance; 0 is chance, 1 is perfect"),
    "log_loss": ("log loss", "error of the scores, where certain mistakes cost most; 0 is perfect, lower is better"),
    "brier": ("Brier score", "squared error of the scores, 0 to 1; lower is better"),
    "calibration_error": ("calibration error", "mean distance of score and frequency (ECE); lower is better"),
    "label_accuracy": ("accuracy", "share of the {noun}s for which the label is right, there or not"),
    "label_accuracy_macro": ("macro accuracy", "share of right decisions over all labels of all {noun}s"),
    "label_hamming_loss": ("Hamming loss", "share of the {noun}s for which the label is wrong; lower is better"),
    "label_matthews": ("Matthews correlation", "of the class and its predictions; 0 is chance, 1 is perfect"),
    "label_matthews_macro": ("macro Matthews correlation", "Matthews correlation, every class counting the same"),
    "label_kappa": ("Cohen's kappa", "agreement on the class beyond chance; 0 is chance, 1 is perfect"),
    "label_kappa_macro": ("macro kappa", "Cohen's kappa, every class counting the same"),
    "label_log_loss": ("log loss", "error of the score of the class; lower is better"),
    "label_log_loss_macro": ("macro log loss", "log loss, every class counting the same; lower is better"),
    "label_brier": ("Brier score", "squared error of the score of the class, 0 to 1; lower is better"),
    "label_brier_macro": ("macro Brier score", "Brier score, every class counting the same; lower is better"),
    "label_calibration_error": ("calibration error", "distance of score and frequency of the class; lower is better"),
    "label_calibration_error_macro": (
        "macro calibration error",
        "calibration error (ECE), every class counting the same; lower is better",
    ),
    "ranking_loss": (
        "ranking loss",
        "share of the pairs of a present and an absent label in the wrong order; lower is better",
    ),
}
NUMBERS = frozenset(  # no share of anything: written as 0.812 instead of 81.2 %
    f"{prefix}{name}{suffix}"
    for name in ("matthews", "kappa", "log_loss", "brier")
    for prefix, suffix in (("", ""), ("label_", ""), ("label_", "_macro"))
) | {"mean_cost", "mean_cost_of_highest_score", "mean_cost_saving"}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measured number with its interval, ready to be shown.

    Attributes:
        name: Of the metric, in words.
        note: Its meaning, in words, for `with_noun`.
        value: None where undefined.
        low: Of the 95 % interval.
        high: Of the 95 % interval.
        n: Number of pictures.
        caveat: Why the interval may be too wide or too narrow; empty if there is no reason.
        reason: Why there is no value, for `with_noun`.
        lower_is_better: Whether the metric counts mistakes.
        is_difference: Whether it is a difference of two shares, which is shown in points.
        is_number: Whether it is no share of anything, so that it is not shown in percent.
        count: What the share counts, as `13 of 14`; empty where it is no share of pictures.
    """

    name: str
    note: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    caveat: str = ""
    reason: str = "undefined on these {noun}s"
    lower_is_better: bool = False
    is_difference: bool = False
    is_number: bool = False
    count: str = ""

    @property
    def text(self) -> str:
        if self.value is None:
            return DASH
        if self.is_number:
            return plain(self.value)
        return f"{format_signed(self.value)}{SPACE}points" if self.is_difference else share(self.value)

    @property
    def between(self) -> str:
        """The interval in words, or why there is none."""
        if self.value is None:
            return self.reason
        if self.low is None or self.high is None:
            return self.caveat or "no interval: undefined if a group is left out"
        if self.is_difference:
            return f"{format_signed(self.low)} to {format_signed(self.high)}{SPACE}points"
        return span(self.low, self.high, self.is_number)

    @property
    def has_place(self) -> bool:
        """Whether value and interval lie on the axis from 0 to 1."""
        return (
            not (self.is_difference or self.is_number)
            and all(one is None or 0 <= one <= 1 for one in (self.value, self.low, self.high))
            and self.value is not None
        )

    @property
    def whiskers(self) -> bool:
        return self.has_place and self.low is not None and self.high is not None


def attribute_words(name: str) -> str:
    """An attribute, property or pair of them in words: `of_label_probability` is `probability of the label`."""
    words = [one.replace("_", " ") for one in name.split(" and ")]
    return " and ".join(
        f"{one.removeprefix('of label ')} of the label" if one.startswith("of label ") else one for one in words
    )


def with_noun(text: str, noun: str) -> str:
    """A text about samples of any media with the word for them, such as clip, in place of `{noun}` and `{Noun}`."""
    return text.replace("{noun}", noun).replace("{Noun}", noun.capitalize())


def figure(
    metric: str,
    estimate: Estimate,
    reason: str = "",
    lower_is_better: bool = False,
    words: tuple[str, str] | None = None,
    is_difference: bool = False,
) -> Figure:
    """The figure of an estimate.

    Args:
        metric: Its key; it says how the number is written.
        estimate: The number with its interval.
        reason: Why there is no value; empty for that of the estimate.
        lower_is_better: Whether it counts mistakes.
        words: Its name and its meaning; None takes those of the metric.
        is_difference: Whether it is a difference of two shares, also if the metric does not say so.
    """
    name, note = words or PLAIN.get(metric, (metric.replace("_", " "), ""))
    if not reason:
        empty = "undefined: no such {noun} in test" if estimate.n == 0 else "undefined on these {noun}s"
        reason = estimate.caveat or empty
    return Figure(
        name=name,
        note=note,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        caveat=estimate.caveat,
        reason=reason,
        lower_is_better=lower_is_better,
        is_difference=is_difference or metric.endswith(MARGIN),
        is_number=is_number(metric),
    )


def is_number(metric: str) -> bool:
    """Whether a metric is no share of anything, by its name, also of a class (`label_brier/NAME`)."""
    return metric.partition("/")[0] in NUMBERS


def number_or_none(value: Any) -> float | None:
    """None for None and NaN."""
    return None if value is None or value != value else float(value)


def share(value: float) -> str:
    """80.5 % for 0.8048; a number outside 0 to 1 with three figures."""
    return f"{100 * value:.1f}{SPACE}%" if 0 <= value <= 1 else f"{value:.3g}"


def plain(value: float) -> str:
    """0.812, -0.05 as -0.050, and what rounds to nothing as 0.000."""
    return f"{value:z.3f}"


def format_gain(metric: str, value: float) -> str:
    """A difference of two figures of a metric: +1.2 points, or +0.012 where the metric is no share."""
    return f"{value:+z.3f}" if is_number(metric) else f"{format_signed(value)}{SPACE}points"


def format_signed(value: float) -> str:
    """-1.2 for -0.012, +0.4 for 0.004, and 0.0 for what rounds to 0."""
    return f"{round(100 * value, 1):+z.1f}".replace("+0.0", "0.0").replace("-0.0", "0.0")


def span(low: float, high: float, number: bool = False) -> str:
    if number:
        return f"{plain(low)} to {plain(high)}"
    if 0 <= low <= 1 and 0 <= high <= 1:
        return f"{100 * low:.1f} to {100 * high:.1f}{SPACE}%"
    return f"{low:.3g} to {high:.3g}"


def whole(value: int) -> str:
    return f"{value:,}"


def brief(value: Any) -> str:
    """A number with at most four figures, anything else as text."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int):
        return whole(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def join_names(labels: Iterable[str]) -> str:
    return ", ".join(labels) or "no label"


def join_some(names: list[str], most: int = 3) -> str:
    """The first `most` names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def file_size(num_bytes: int | None) -> str:
    """13.5 MB for 13,512,345 bytes."""
    if num_bytes is None:
        return DASH
    value, unit = float(num_bytes), 0
    while value >= 1000 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g}{SPACE}{UNITS[unit]}" if unit else f"{num_bytes}{SPACE}B"
