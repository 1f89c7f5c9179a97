"""The page of drift: how new pictures differ from those that the model in use was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.core.drift_report import DriftMeasure, DriftReport, Row, State
from pipeline.report.formatting import DASH, SPACE, plain, share
from pipeline.report.pictures import Picture, gallery
from pipeline.report.plots import Axis, Line, Tick, axis, line
from pipeline.report.rendering import page

if TYPE_CHECKING:
    import numpy as np

TITLES = {  # measure to its title and to what stands in the table
    "properties": ("Properties", "brightness, sharpness, size and what else is measured"),
    "features": ("Content", "what {noun}s show, by frozen features"),
    "labels": ("True labels", "shares of the classes"),
    "predicted_classes": ("Decisions", "shares of the classes that the model decides for"),
    "expected_loss": ("Expected accuracy", "estimated without labels, from how sure the model is"),
}
CHIPS: dict[State, tuple[str, str]] = {  # state to the class of its sign, and its words
    "drifted": ("warning", "drifted"),
    "not_shown": ("passed", "no drift shown"),
    "cannot_be_judged": ("cannot be judged", "cannot be judged"),
}
NUM_PLOTS = 9  # of properties, those that differ most
MAX_CLASSES = 30
QUANTILE_STEP = 0.05
SHARES = Axis(low=0.0, high=1.0, ticks=[0, 0.5, 1])
# of a plot: name, kind of its line, key of its quantiles
SIDES = (("training", "first", "reference"), ("new", "second", "new"))
Images = Mapping[str, Mapping[str, "np.ndarray"]]  # side to sample_id to picture


@dataclass(frozen=True, kw_only=True)
class PropertyPlot:
    """The distribution functions of a property on both sides."""

    name: str
    lines: list[Line]
    x_ticks: list[Tick]
    figure: str
    stands_out: bool
    alt: str


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """A class on both sides; shares 0 to 1, `true` as text where it was estimated."""

    name: str
    before: float
    now: float
    true: str
    p: str


@dataclass(frozen=True, kw_only=True)
class MeasureView:
    """One measure in words and drawings.

    Attributes:
        anchor: Target of links.
        chip: Class of its sign, and its words.
        figure: The value; `between` its interval or why there is none.
        place: Value, low and high on the axis from 0 to 1; None where there is no value.
        start: The figure without drift on that axis.
    """

    anchor: str
    title: str
    note: str
    chip: tuple[str, str]
    figure: str
    between: str
    limit: str
    p: str
    detectable: str
    place: tuple[float, float | None, float | None] | None
    start: float
    sentence: str
    unit: str
    caveat: str
    plots: list[PropertyPlot]
    classes: list[ClassRow]
    rows: list[tuple[str, str, str]]
    strips: list[tuple[str, list[Picture]]]
    properties: Sequence[Row]


def monitoring_page(name: str, report: DriftReport, images: Images, what: str, media: str = "image") -> str:
    """The page; the same bytes for the same material, and it loads nothing from anywhere.

    Args:
        name: Of the data set.
        report: The measures.
        images: `New` and `Training` to sample_id to (H, W), (H, W, 1) or (H, W, 3) uint8, as far as available.
        what: Where the new pictures are from, in words.
        media: Of the data set.
    """
    galleries = {side: gallery(found) for side, found in images.items()}
    views = [_view(one, report.alpha, galleries) for one in report.measures]
    content = {
        "name": name,
        "report": report,
        "what": what,
        "views": views,
        "missing": [(TITLES.get(key, (key, ""))[0], reason) for key, reason in report.not_measured.items()],
    }
    return page("monitoring.html.jinja", content, script="tables.js", media=media)


def shown_samples(report: DriftReport, side: str) -> list[str]:
    """The samples whose pictures the page shows, of one side: `New` or `Training`."""
    captions = (item for one in report.measures for item in one.pictures.items())
    return list(dict.fromkeys(name for caption, names in captions if caption.startswith(side) for name in names))


def _view(one: DriftMeasure, alpha: float, galleries: Mapping[str, Mapping[str, Picture]]) -> MeasureView:
    title, note = TITLES.get(one.name, (one.name.replace("_", " "), ""))
    is_loss = one.name == "expected_loss"
    first = one.details[0] if is_loss and one.details else None
    value, low, high = (first["value"], first["low"], first["high"]) if first else (one.value, one.low, one.high)
    start = float(one.details[1]["value"]) if first else 0.5 if one.name == "features" else 0.0
    detectable = "" if one.detectable is None else f"{'a loss of ' if is_loss else ''}{_figure(one, one.detectable)}"
    return MeasureView(
        anchor=one.name,
        title=title,
        note=note,
        chip=CHIPS[one.state],
        figure=DASH if value is None else _figure(one, value),
        between=_between(one, low, high),
        limit=f"{'a loss of ' if is_loss else ''}{_figure(one, one.limit)}",
        p=_p(one.p_value),
        detectable=detectable,
        place=None if value is None else (value, low, high),
        start=start,
        sentence=one.sentence,
        unit=one.unit,
        caveat=one.caveat,
        plots=[_plot(row, alpha, one.limit) for row in one.details[:NUM_PLOTS]] if one.name == "properties" else [],
        classes=[_class_row(row) for row in one.details[:MAX_CLASSES] if "class" in row],
        rows=[_loss_row(row) for row in one.details] if is_loss else [],
        strips=[
            (caption, [galleries.get(caption.split(",")[0], {}).get(name, Picture(sample_id=name)) for name in names])
            for caption, names in one.pictures.items()
        ],
        properties=[row for row in one.details if "property" in row],
    )


def _figure(one: DriftMeasure, value: float) -> str:
    return share(value) if one.name in ("labels", "predicted_classes", "expected_loss") else plain(value)


def _between(one: DriftMeasure, low: float | None, high: float | None) -> str:
    return "no interval" if low is None or high is None else f"{_figure(one, low)} to {_figure(one, high)}"


def _p(value: float | None) -> str:
    return DASH if value is None else f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _plot(row: Row, alpha: float, limit: float) -> PropertyPlot:
    name = str(row["property"]).replace("_", " ")
    sides = [(key, kind, [float(one) for one in row[side]]) for key, kind, side in SIDES if row[side]]
    x_axis = axis([one for _, _, values in sides for one in values], num_ticks=3)
    return PropertyPlot(
        name=name,
        lines=[
            line(key, kind, values, [QUANTILE_STEP * step for step in range(len(values))], x_axis, SHARES)
            for key, kind, values in sides
        ],
        x_ticks=[Tick(x_axis.across(tick), _short(tick)) for tick in x_axis.ticks],
        figure=f"distance {row['distance']:.2f}, p {_p(row['p'])}",
        stands_out=row["p"] <= alpha and row["distance"] > limit,
        alt=f"Share of pictures up to each {name}, in training and of the new ones; distance {row['distance']:.2f}",
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _class_row(row: Row) -> ClassRow:
    true = ""
    if row.get("estimated") is not None:
        true = share(row["estimated"])
        if row.get("low") is not None:
            true += f" ({100 * row['low']:.1f} to {100 * row['high']:.1f}{SPACE}%)"
    return ClassRow(name=str(row["class"]), before=row["reference"], now=row["new"], true=true, p=_p(row["p"]))


def _loss_row(row: Row) -> tuple[str, str, str]:
    between = "" if row["low"] is None else f"{share(row['low'])} to {share(row['high'])}"
    return str(row["what"]), share(row["value"]), between
