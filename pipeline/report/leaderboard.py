"""The leaderboard page: experiments side by side, and the smallest model that is as good as the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.report.formatting import (
    DASH,
    PLAIN,
    SPACE,
    file_size,
    format_gain,
    format_signed,
    is_number,
    number_or_none,
    plain,
    share,
    span,
    whole,
)
from pipeline.report.plots import Axis, axis
from pipeline.report.rendering import page

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row, in words, and its position on the axis in percent.

    Attributes:
        state: The `standing` of `pipeline.experiments.table`, or `published` or `failed`.
        smallest: Whether this is the smallest model that is as good as the best.
        at: Positions of the figure and of the ends of its interval; None if there is none.
    """

    name: str
    state: str
    smallest: bool
    value: str
    between: str
    difference: str
    difference_between: str
    train: str
    speed: str
    size: str
    note: str
    at: tuple[float, float | None, float | None] | None


def leaderboard_page(
    name: str, table: pd.DataFrame, machine: str, margin: float, lower_is_better: bool = False, media: str = "image"
) -> str:
    """The page; it loads nothing from anywhere.

    Args:
        name: Of the leaderboard.
        table: As `pipeline.experiments.table.make_board` makes it.
        machine: Where speed was measured.
        margin: Largest distance below the best that counts as good, as a share.
        lower_is_better: Whether the metric counts mistakes.
        media: Of the data set.
    """
    entries = [{str(key): value for key, value in entry.items()} for entry in table.to_dict("records")]
    metric = str(entries[0]["metric"])
    values = [number_or_none(entry[key]) for entry in entries for key in ("value", "low", "high")]
    scale = axis([value for value in values if value is not None])
    rows = [row(entry, scale) for entry in entries]
    ran = [entry for entry in entries if entry["kind"] == "run"]
    content = {
        "name": name,
        "metric": PLAIN.get(metric, (metric.replace("_", " "), "")),
        "lower_is_better": lower_is_better,
        "machine": machine,
        "margin": f"{margin:.3g}" if is_number(metric) else f"{100 * margin:.3g}{SPACE}point{'s' * (margin != 0.01)}",
        "caveat": next((str(one["caveat"]) for one in ran if one["best"]), ""),
        "rows": rows,
        "n": whole(int(ran[0]["n"])) if ran else "",
        "best": next((one for one in rows if one.state == "best"), None),
        "smallest": next((one for one in rows if one.smallest), None),
        "ticks": [(scale.across(tick), mark(tick, is_number(metric))) for tick in scale.ticks],
        "failed": [one for one in rows if one.state == "failed"],
        "published": [one for one in rows if one.state == "published"],
    }
    return page("leaderboard.html.jinja", content, script="tables.js", media=media)


def row(entry: Mapping[str, Any], scale: Axis) -> Row:
    """A row of the table."""
    value, low, high = (number_or_none(entry[key]) for key in ("value", "low", "high"))

    def position(end: float | None) -> float | None:
        return None if end is None else scale.across(end)

    number = is_number(str(entry["metric"]))
    gap, gap_low, gap_high = (number_or_none(entry[f"difference{end}"]) for end in ("", "_low", "_high"))
    return Row(
        name=str(entry["name"]),
        state=state(entry),
        smallest=bool(entry["smallest"]),
        value=DASH if value is None else plain(value) if number else share(value),
        between="" if low is None or high is None else span(low, high, number),
        difference=DASH if gap is None or entry["best"] else format_gain(str(entry["metric"]), gap),
        difference_between=""
        if gap_low is None or gap_high is None or entry["best"]
        else between(gap_low, gap_high, number),
        train=duration(number_or_none(entry["train_seconds"])),
        speed=rate(number_or_none(entry["images_per_second"])),
        size=file_size(None if _missing(entry["num_bytes"]) else int(entry["num_bytes"])),
        note="" if _missing(entry["note"]) else str(entry["note"]),
        at=None if value is None else (scale.across(value), position(low), position(high)),
    )


def state(entry: Mapping[str, Any]) -> str:
    """The state of a row: see `Row`."""
    return str(entry["standing"] if entry["kind"] == "run" else entry["kind"])


def mark(value: float, number: bool = False) -> str:
    """A label of the axis: 80 % for 0.8, or 0.8 where the metric is no share."""
    return f"{100 * value:.3g}{SPACE}%" if 0 <= value <= 1 and not number else f"{value:.3g}"


def between(low: float, high: float, number: bool = False) -> str:
    return f"{low:+z.3f} to {high:+z.3f}" if number else f"{format_signed(low)} to {format_signed(high)}"


def duration(seconds: float | None) -> str:
    """12 s, 3 min 20 s, 2 h 5 min."""
    if seconds is None:
        return DASH
    if seconds < 60:
        return f"{seconds:.2g}{SPACE}s" if seconds < 10 else f"{seconds:.0f}{SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{SPACE}min {rest}{SPACE}s"
    return f"{minutes // 60}{SPACE}h {minutes % 60}{SPACE}min"


def rate(value: float | None) -> str:
    """A number with three figures, since more would be noise."""
    return DASH if value is None else f"{float(f'{value:.3g}'):,.{0 if value >= 100 else 1}f}"


def _missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))
