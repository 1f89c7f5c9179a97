"""The comparison page: metrics before and after a correction of the data, and this version against the champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipeline.core.estimate import Change, Estimate
from pipeline.evaluation.part_comparison import Counts, PartChange
from pipeline.report.formatting import DASH, PLAIN, SPACE, is_number, plain, share
from pipeline.report.part_text import describe_name, describe_result, rank_parts
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


@dataclass(frozen=True, kw_only=True)
class PartRow:
    """A class or a slice of the comparison with the champion, in words."""

    name: str
    n: int
    only_before: int
    only_after: int
    gain: str
    between: str
    verdict: Literal["better", "worse", "may be chance"]


@dataclass(frozen=True, kw_only=True)
class AgainstChampion:
    """The comparison with the champion: all samples in `counts`, then the parts, those that differ first.

    Attributes:
        version: Of the champion.
        gain: Of all samples, with its interval.
        detectable: What would have been found where nothing was; empty where something was.
        result: What all parts together show.
    """

    version: str
    counts: Counts
    gain: str
    between: str
    detectable: str
    rows: list[PartRow]
    result: str


def against_champion(entry: JsonObject) -> AgainstChampion:
    """The comparison that `register` stored."""
    overall, *parts = (PartChange.from_json(one) for one in entry["parts"])
    detectable = "" if overall.is_shown or overall.detectable is None else _points(overall.detectable).lstrip("+")
    compared = [one for one in parts if one.gain.interval is not None]
    return AgainstChampion(
        version=str(entry["version"]),
        counts=overall.counts,
        gain=_points(overall.gain.value),
        between=_between(overall.gain),
        detectable=detectable,
        rows=[_part_row(one) for one in rank_parts(parts)],
        result=describe_result(compared, "this version"),
    )


def _part_row(part: PartChange) -> PartRow:
    better: Literal["better", "worse"] = "better" if (part.gain.value or 0.0) > 0 else "worse"
    return PartRow(
        name=describe_name(part),
        n=part.gain.n,
        only_before=part.counts.only_before,
        only_after=part.counts.only_after,
        gain=_points(part.gain.value),
        between=_between(part.gain),
        verdict=better if part.is_shown else "may be chance",
    )


def _between(gain: Estimate) -> str:
    if gain.interval is None:
        return gain.caveat or "no interval"
    return " to ".join(map(_points, gain.interval))


def comparison_page(name: str, registration: JsonObject, media: str = "image") -> str:
    """The page; the same bytes for the same material, and it loads nothing from anywhere.

    Args:
        name: Of the data set.
        registration: `reports/registration.json`.
        media: Of the data set.
    """
    earlier, champion = registration.get("earlier_data"), registration.get("against_champion")
    content = {
        "name": name,
        "version": registration["version"],
        "earlier": earlier,
        "rows": [row(metric, Change.from_json(one)) for metric, one in (earlier or {}).get("metrics", {}).items()],
        "champion": against_champion(champion) if champion and "parts" in champion else None,
        "apart": champion if champion and "reason" in champion else None,
        "choices": (earlier or {}).get("other_choices", [])[:MAX_CHOICES],
    }
    return page("comparison.html.jinja", content, script="tables.js", media=media)


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
    return f"{value:+z.3f}" if value is not None and is_number(metric) else _points(value)


def _points(value: float | None) -> str:
    """+1.2 points for 0.012."""
    return DASH if value is None else f"{100 * value:+z.1f}{SPACE}points"
