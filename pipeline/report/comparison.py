"""The comparison page of two data versions: metrics before and after a correction, and the interval of the gain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipeline.core.estimate import Change
from pipeline.report.formatting import DASH, PLAIN, SPACE, is_number, plain, share
from pipeline.report.rendering import page

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

MAX_CHOICES = 20


@dataclass(frozen=True, kw_only=True)
class Row:
    """One metric, in words.

    Attributes:
        by_earlier_labels: Figure of the earlier version, by its own labels.
        before: Figure of the earlier version, by the current labels.
        after: Figure of this version.
        verdict: Whether the interval of the gain excludes 0, and on which side.
    """

    name: str
    note: str
    by_earlier_labels: str
    before: str
    after: str
    gain: str
    between: str
    verdict: Literal["better", "worse", "may be chance"]


def comparison_page(name: str, registration: JsonObject) -> str:
    """The page; the same bytes for the same material, and it loads nothing from anywhere.

    Args:
        name: Of the data set.
        registration: `reports/registration.json`.
    """
    earlier = registration.get("earlier_data")
    content = {
        "name": name,
        "version": registration["version"],
        "earlier": earlier,
        "rows": [row(metric, Change.from_json(one)) for metric, one in (earlier or {}).get("metrics", {}).items()],
        "choices": (earlier or {}).get("other_choices", [])[:MAX_CHOICES],
    }
    return page("comparison.html.jinja", content, script="tables.js")


def row(metric: str, change: Change) -> Row:
    """The row of a metric."""
    name, note = PLAIN.get(metric, (metric.replace("_", " "), ""))
    ends = change.gain.interval
    return Row(
        name=name,
        note=note,
        by_earlier_labels=_figure(metric, change.by_earlier_labels),
        before=_figure(metric, change.before),
        after=_figure(metric, change.after),
        gain=_gain(metric, change.gain.value),
        between=" to ".join(_gain(metric, one) for one in ends) if ends else "no interval: undefined in most resamples",
        verdict="better" if ends and ends[0] > 0 else "worse" if ends and ends[1] < 0 else "may be chance",
    )


def _figure(metric: str, value: float | None) -> str:
    if value is None:
        return DASH
    return plain(value) if is_number(metric) else share(value)


def _gain(metric: str, value: float | None) -> str:
    """+1.2 points for 0.012, or +0.012 where the metric is no share."""
    if value is None:
        return DASH
    return f"{value:+z.3f}" if is_number(metric) else f"{100 * value:+z.1f}{SPACE}points"
