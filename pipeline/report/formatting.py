"""Numbers and names as texts of the pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.core.estimate import Estimate
from pipeline.evaluation.margin_text import BEYOND

DASH = "\u2013"
SPACE = "\u00a0"  # does not break
UNITS = ("B", "kB", "MB", "GB", "TB")

PLAIN = {  # metric to its name and its meaning
    "accuracy": ("accuracy", "share of pictures classified correctly"),
    "worst_group_accuracy": (
        "worst-group accuracy",
        "the lowest accuracy of a class, or of a class at one value of an attribute",
    ),
    "balanced_accuracy": ("balanced accuracy", "accuracy as if every class were equally frequent"),
    "baseline_margin": (
        "above the properties alone",
        "balanced accuracy minus that of a forest on the properties alone, on the same pictures",
    ),
    "precision": ("precision", "of the pictures predicted as the class, the share that are of it"),
    "precision_macro": ("macro precision", "precision, every class counting the same"),
    "precision_weighted": ("weighted precision", "precision, classes weighted by their size"),
    "recall": ("recall", "of the pictures of the class, the share predicted as it"),
    "recall_macro": ("macro recall", "recall, every class counting the same"),
    "recall_weighted": ("weighted recall", "recall, classes weighted by their size"),
    "f1": ("F1", "harmonic mean of precision and recall"),
    "f1_macro": ("macro F1", "harmonic mean of precision and recall, every class counting the same"),
    "f1_weighted": ("weighted F1", "harmonic mean of precision and recall, classes weighted by their size"),
    "precision_micro": ("micro precision", "precision, every label of every picture counting the same"),
    "recall_micro": ("micro recall", "recall, every label of every picture counting the same"),
    "f1_micro": ("micro F1", "harmonic mean of precision and recall, every label of every picture counting the same"),
    "hamming_loss": (
        "Hamming loss",
        "share of wrong decisions over all labels of all pictures; lower is better",
    ),
    "auroc": ("AUROC", "probability that a picture of the class scores higher than another one; guessing gives 50 %"),
    "auroc_macro": (
        "macro AUROC",
        "probability that a picture of a class scores higher than another one; guessing gives 50 %",
    ),
    "average_precision": ("average precision", "precision over all thresholds of the score"),
    "average_precision_macro": ("macro average precision", "precision over all thresholds, mean over classes (mAP)"),
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measured number with its interval, ready to be shown.

    Attributes:
        name: Of the metric, in words.
        note: Its meaning, in words.
        value: None where undefined.
        low: Of the 95 % interval.
        high: Of the 95 % interval.
        n: Number of pictures.
        caveat: Why the interval may be too wide or too narrow; empty if there is no reason.
        reason: Why there is no value.
        lower_is_better: Whether the metric counts mistakes.
        is_difference: Whether it is a difference of two shares, which is shown in points.
        count: What the share counts, as `13 of 14`; empty where it is no share of pictures.
    """

    name: str
    note: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    caveat: str = ""
    reason: str = "undefined on these pictures"
    lower_is_better: bool = False
    is_difference: bool = False
    count: str = ""

    @property
    def text(self) -> str:
        if self.value is None:
            return DASH
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
        return span(self.low, self.high)

    @property
    def has_place(self) -> bool:
        """Whether value and interval lie on the axis from 0 to 1."""
        return (
            not self.is_difference
            and all(one is None or 0 <= one <= 1 for one in (self.value, self.low, self.high))
            and self.value is not None
        )

    @property
    def whiskers(self) -> bool:
        return self.has_place and self.low is not None and self.high is not None


def figure(metric: str, estimate: Estimate, reason: str = "", lower_is_better: bool = False) -> Figure:
    """The figure of an estimate, with the name of its metric in words."""
    name, note = PLAIN.get(metric, (metric.replace("_", " "), ""))
    if not reason:
        reason = "undefined: no such picture in test" if estimate.n == 0 else "undefined on these pictures"
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
        is_difference=metric.endswith(BEYOND),
    )


def number_or_none(value: Any) -> float | None:
    """None for None and NaN."""
    return None if value is None or value != value else float(value)


def share(value: float) -> str:
    """80.5 % for 0.8048; a number outside 0 to 1 with three figures."""
    return f"{100 * value:.1f}{SPACE}%" if 0 <= value <= 1 else f"{value:.3g}"


def format_signed(value: float) -> str:
    """-1.2 for -0.012, +0.4 for 0.004, and 0.0 for what rounds to 0."""
    return f"{round(100 * value, 1):+.1f}".replace("+0.0", "0.0").replace("-0.0", "0.0")


def span(low: float, high: float) -> str:
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
