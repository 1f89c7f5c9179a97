"""The section on robustness: accuracy under corruptions of the pictures of test, a small plot for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pipeline.core.estimate import Estimate
from pipeline.evaluation.robustness import ALL, CLEAN
from pipeline.evaluation.severities import NUM_SEVERITIES
from pipeline.report.formatting import Figure, figure, format_signed, number_or_none, share
from pipeline.report.plots import Axis, Line, line

X, Y = (
    Axis(low=0, high=NUM_SEVERITIES, ticks=[*range(NUM_SEVERITIES + 1)]),
    Axis(low=0.0, high=1.0, ticks=[0, 0.5, 1]),
)


@dataclass(frozen=True, kw_only=True)
class Whisker:
    """The interval at one severity, in percent of the plot."""

    x: float
    top: float
    bottom: float


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One corruption.

    Attributes:
        name: In words.
        loss: How much of the clean accuracy is lost on average, as text with its interval.
        is_shown: Whether the interval of the loss excludes none.
        line: Accuracy over severities 0 to 5.
        whiskers: Intervals, as far as there are any.
        alt: The figures in words.
    """

    name: str
    loss: str
    is_shown: bool
    line: Line
    whiskers: list[Whisker]
    alt: str


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """What the section shows.

    Attributes:
        clean: Accuracy of the pictures as they are.
        loss: How much of it is lost over all corruptions, as text with its interval.
        panels: The largest loss first.
        caveat: Of the interval of the loss.
        num_test: All pictures of test, of which `clean.n` were corrupted.
        clean_at: Height of the clean accuracy in percent from the top.
        rows: Corruption, then its accuracies as text, and the largest change in points.
    """

    clean: Figure
    loss: str
    panels: list[Panel]
    caveat: str
    num_test: int
    clean_at: float
    rows: list[tuple[str, list[str]]]


def robustness(table: pd.DataFrame, metrics: Mapping[str, Estimate], num_test: int) -> Robustness | None:
    """The section, or None where nothing was corrupted.

    Args:
        table: `reports/robustness.csv`.
        metrics: `reports/robustness.json`.
        num_test: Pictures of test.
    """
    clean = metrics.get(CLEAN)
    if clean is None or clean.value is None or ALL not in metrics:
        return None
    names = sorted((name for name in metrics if name not in (CLEAN, ALL)), key=lambda name: _order(name, metrics))
    parts = {name: table[table["corruption"].isin([CLEAN, name])].sort_values("severity") for name in names}
    return Robustness(
        clean=figure("accuracy", clean),
        loss=describe_loss(metrics[ALL]),
        panels=[_panel(name, parts[name], metrics[name]) for name in names],
        caveat=metrics[ALL].caveat,
        num_test=num_test,
        clean_at=Y.down(clean.value),
        rows=[(_words(name), [share(value) for value in parts[name]["value"]]) for name in names],
    )


def describe_loss(one: Estimate) -> str:
    """-27.3 % (-35.0 to -19.6 %)."""
    if one.value is None:
        return "undefined"
    text = f"{format_signed(one.value)} %"
    if one.low is None or one.high is None:
        return text
    return f"{text} ({format_signed(one.low)} to {format_signed(one.high)} %)"


def _panel(name: str, part: pd.DataFrame, loss: Estimate) -> Panel:
    severities, values = part["severity"].astype(float).tolist(), part["value"].astype(float).tolist()
    ends = [
        (severity, number_or_none(low), number_or_none(high))
        for severity, low, high in zip(severities, part["low"], part["high"], strict=True)
    ]
    return Panel(
        name=_words(name),
        loss=describe_loss(loss),
        is_shown=loss.high is not None and loss.high < 0,
        line=line(name, "first", severities, values, X, Y),
        whiskers=[
            Whisker(x=X.across(severity), top=Y.down(high), bottom=Y.down(low))
            for severity, low, high in ends
            if low is not None and high is not None
        ],
        alt=f"Accuracy under {_words(name)}, severity 0 to {NUM_SEVERITIES}: {', '.join(map(share, values))}",
    )


def _order(name: str, metrics: Mapping[str, Estimate]) -> tuple[float, str]:
    value = metrics[name].value
    return (0.0 if value is None else value, name)


def _words(name: str) -> str:
    return name.replace("_", " ")
