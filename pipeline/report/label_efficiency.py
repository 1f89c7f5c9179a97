"""The page of label efficiency: did pretraining help, with how many labels, and what did its views remove?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from pipeline.evaluation.label_efficiency import LEADING, MEAN, METRICS
from pipeline.evaluation.label_efficiency_results import (
    EMBEDDED,
    INITIAL,
    PRETRAINED,
    LabelEfficiency,
    SizePoint,
    ViewClaims,
)
from pipeline.evaluation.view_effects import MOVES, ViewEffect
from pipeline.report.formatting import DASH, SPACE, format_signed, share, span
from pipeline.report.label_efficiency_text import describe_answer, describe_gains, describe_views, size_words
from pipeline.report.plots import Axis, Line, Tick, axis, line
from pipeline.report.rendering import page

LINES = {PRETRAINED: "first", INITIAL: "second", EMBEDDED: "even"}  # kinds in the plot to the style of their lines
EFFECTS = {  # effect to the class of its sign, and its words
    "removed": ("warning", "removed"),
    "weakened": ("noted", "weakened"),
    "hardly_weakened": ("passed", "still there"),
    "not_shown": ("passed", "no loss shown"),
    "not_moved": ("passed", "not changed by the view"),
    "cannot_be_judged": ("cannot be judged", "cannot be judged"),
}


def label_efficiency_page(found: LabelEfficiency, media: str = "image") -> str:
    """The page of samples of a media; it loads nothing from anywhere."""
    content = {
        "name": found.source,
        "answer": describe_answer(found),
        "answers": describe_gains(found),
        "found": found,
        "curve": draw_curve(found),
        "tables": [
            (metric.replace("_", " "), [(words, _cells(found, kind, metric)) for kind, words in found.kinds.items()])
            for metric in METRICS
        ],
        "differences": _differences(found),
        "sizes": found.sizes,
        "view_sentences": describe_views(found.views),
        "effects": [_show_effect(found.views, one) for one in found.views.effects],
        "is_safety_known": any(found.views.safety.values()),
        "moves_limit": MOVES,
        "card": found.card,
    }
    return page("label_efficiency.html.jinja", content, media=media)


def _cells(found: LabelEfficiency, kind: str, metric: str) -> list[tuple[str, str]]:
    """Of each size the figure and its interval."""
    cells = []
    for size in found.sizes:
        point = found.find(kind, size)
        estimate = None if point is None else point.figures[metric].estimate
        if estimate is None or estimate.value is None:
            cells.append((DASH, ""))
        else:
            cells.append((share(estimate.value), "" if estimate.interval is None else span(*estimate.interval)))
    return cells


def _differences(found: LabelEfficiency) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """What is compared; then of the mean over sizes, and of each, the gain, its interval and that over draws alone."""
    pairs = dict.fromkeys((point.kind, point.minus) for point in found.points if point.minus)
    rows = []
    for kind, minus in pairs:
        points = [found.find(kind, size, minus) for size in (MEAN, *found.sizes)]
        cells = [("", "", "") if point is None else _gain(point) for point in points]
        names = [found.kinds[one].partition(" (")[0] for one in (kind, minus)]  # without what encoder it is
        rows.append((" minus ".join(names), cells))
    return rows


def _gain(point: SizePoint) -> tuple[str, str, str]:
    entry = point.figures[LEADING]
    one = entry.estimate
    between = one.caveat or "no interval" if one.interval is None else _between(one.interval)
    over_draws = "one draw" if entry.over_draws is None else f"({_between(entry.over_draws)})"
    return DASH if one.value is None else format_signed(one.value), between, over_draws


def _between(ends: tuple[float, float]) -> str:
    return f"{format_signed(ends[0])} to {format_signed(ends[1])}"


def _show_effect(claims: ViewClaims, one: ViewEffect) -> dict[str, object]:
    """A row of the table of views and properties, in words."""
    reading = one.reading
    probe = None
    if reading is not None:
        ends = reading.change.interval
        between = "no interval" if ends is None else f"{ends[0]:+z.2f} to {ends[1]:+z.2f}"
        probe = (
            f"{reading.before.value:z.2f}",
            f"{reading.after.value:z.2f}",
            f"{reading.change.value:+z.2f}",
            between,
        )
    return {
        "view": one.view,
        "property": one.property.replace("_", " "),
        "moved": f"{one.moved:.2f}",
        "alone": "no" if one.suspicion is None else share(one.suspicion),
        "probe": probe,
        "chip": EFFECTS[one.effect],
        "safety": _safety(claims, one.view),
    }


def _safety(claims: ViewClaims, view: str) -> str:
    tested = claims.safety.get(view, [])
    if not tested:
        return "not tested"
    worst = max(tested, key=lambda one: one.loss)
    size = f"={worst.size}" if worst.size else ""
    return f"{worst.choice}{size}: {format_signed(-worst.loss)}{SPACE}points"


@final
@dataclass(frozen=True, kw_only=True)
class Curve:
    """The plot: balanced accuracy by labels a class, on an axis on which each doubling is as wide.

    Attributes:
        lines: One for each kind, with its style.
        whiskers: Style, place, low and high in percent, and the point in words.
        x_ticks: Sizes.
        y_ticks: Shares.
        alt: All points in words.
    """

    lines: list[Line]
    whiskers: list[tuple[str, float, float, float | None, float | None, str]]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    alt: str


def draw_curve(found: LabelEfficiency) -> Curve | None:
    """The curve of the frozen kinds; None where fewer than two sizes were measured."""
    sizes = found.sizes
    if len(sizes) < 2:
        return None
    places = _places(found, sizes)
    margin = 0.06 * (places[-1] - places[0])
    across = Axis(low=places[0] - margin, high=places[-1] + margin, ticks=places)
    points = [(kind, at, found.find(kind, size)) for kind in LINES for size, at in zip(sizes, places, strict=True)]
    known = [(kind, at, point) for kind, at, point in points if point is not None]
    ends = [
        end
        for _, _, point in known
        for one in [point.figures[LEADING].estimate]
        for end in (one.value, one.low, one.high)
        if end is not None
    ]
    down = axis(ends)
    whiskers, lines, texts = [], [], []
    for kind, at, point in known:
        one = point.figures[LEADING].estimate
        assert one.value is not None
        between = "no interval" if one.interval is None else span(*one.interval)
        texts.append(f"{found.kinds[kind]}, {size_words(point.size)}: {share(one.value)}, {between}")
        low, high = (None, None) if one.interval is None else (down.down(one.interval[0]), down.down(one.interval[1]))
        whiskers.append((LINES[kind], across.across(at), down.down(one.value), low, high, texts[-1]))
    for kind, style in LINES.items():
        own = [(at, point.figures[LEADING].estimate.value or 0.0) for name, at, point in known if name == kind]
        if own:
            xs, ys = zip(*own, strict=True)
            lines.append(line(found.kinds[kind], style, xs, ys, across, down))
    return Curve(
        lines=lines,
        whiskers=whiskers,
        x_ticks=[Tick(across.across(at), size) for size, at in zip(sizes, places, strict=True)],
        y_ticks=[Tick(down.down(tick), f"{100 * tick:.3g} %") for tick in down.ticks],
        alt="; ".join(texts),
    )


def _places(found: LabelEfficiency, sizes: Sequence[str]) -> list[float]:
    """log2 of the labels in all at each size; `all` at least half a doubling behind the others."""
    places: list[float] = []
    for size in sizes:
        number = next(one.num_labels for one in found.points if one.size == size)
        at = math.log2(max(1, number))
        places.append(max(at, places[-1] + 0.5) if places else at)
    return places
