"""The page of simulated labelling: is it worth it to choose what is labelled, and how many labels does it save?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from pipeline.evaluation.label_efficiency import LEADING, METRICS
from pipeline.evaluation.labelling_curves import RANDOM, CurvePoint, LabellingCurves, LabelsSaved
from pipeline.report.formatting import DASH, format_signed, join_names, share, span, whole
from pipeline.report.plots import Axis, Line, Tick, axis, line
from pipeline.report.rendering import page

LEAD = "typical_then_margin"  # the default of colibri query, which the plot shows
STYLES = ("first", "second")


def labelling_page(found: LabellingCurves) -> str:
    """The page; it loads nothing from anywhere."""
    content = {
        "name": found.source,
        "claim": describe_claim(found),
        "answer": describe_strategy(found, leading_strategy(found)),
        "found": found,
        "curve": draw_curves(found),
        "tables": [(metric.replace("_", " "), _figures(found, metric)) for metric in METRICS],
        "differences": [
            (name, [_gain(found.find(name, number, RANDOM)) for number in found.budgets]) for name in found.strategies
        ],
        "saved": [
            (name, [_show_saved(one) for one in found.saved if one.strategy == name]) for name in found.strategies
        ],
    }
    return page("simulate_labelling.html.jinja", content)


def leading_strategy(found: LabellingCurves) -> str:
    """The default of `colibri query`, where it was measured; else the first that was."""
    return LEAD if LEAD in found.strategies else found.strategies[0]


def describe_claim(found: LabellingCurves) -> str:
    """Is it worth it, by the leading strategy, in a few words?"""
    name = leading_strategy(found)
    ends = {number: found.find(name, number, RANDOM).figures[LEADING].estimate.interval for number in found.budgets}
    better = [number for number, one in ends.items() if one is not None and one[0] > 0]
    worse = [number for number, one in ends.items() if one is not None and one[1] < 0]
    if better and worse:
        return "Whether it is worth it depends on the number of labels"
    if worse:
        return f"It is not worth it: random labels are better at {join_names(map(whole, worse))}"
    if not better:
        return "Whether it is worth it cannot be judged"
    return f"It is worth it: better than random labels at {join_names(map(whole, better))}"


def describe_savings(found: LabellingCurves) -> list[str]:
    """Was it worth it? A sentence for each strategy, the default of `colibri query` first."""
    first = leading_strategy(found)
    return [describe_strategy(found, name) for name in (first, *(one for one in found.strategies if one != first))]


def describe_strategy(found: LabellingCurves, name: str) -> str:
    """Where the strategy is shown to be better or worse than random labels, and where it cannot be judged."""
    better, worse, unclear = [], [], []
    for number in found.budgets:
        point = found.find(name, number, RANDOM)
        one = point.figures[LEADING].estimate
        gain = "" if one.value is None else f"{format_signed(one.value)} points"
        if one.interval is None:
            unclear.append(f"{whole(number)} ({gain}, no interval)")
        elif one.interval[0] > 0:
            better.append(f"{whole(number)} ({gain}{_worth(found, name, number)})")
        elif one.interval[1] < 0:
            worse.append(f"{whole(number)} ({gain})")
        else:
            unclear.append(f"{whole(number)} ({gain}, {_between(one.interval)})")
    parts = (("better than random labels at", better), ("worse at", worse), ("cannot be judged at", unclear))
    return f"{name}: {'; '.join(f'{words} {join_names(numbers)}' for words, numbers in parts if numbers)}."


def _worth(found: LabellingCurves, name: str, number: int) -> str:
    saved = next(one for one in found.saved if (one.strategy, one.num_labels) == (name, number))
    return "" if saved.equal is None else f", worth {saved.equal:,.0f} random ones"


def _between(ends: tuple[float, float]) -> str:
    return f"{format_signed(ends[0])} to {format_signed(ends[1])}"


def _figures(found: LabellingCurves, metric: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Of each strategy, random first, the figure and its interval at each budget."""
    rows = []
    for name in (RANDOM, *found.strategies):
        cells = []
        for number in found.budgets:
            one = found.find(name, number).figures[metric].estimate
            between = "" if one.interval is None else span(*one.interval)
            cells.append((DASH if one.value is None else share(one.value), between))
        rows.append((name, cells))
    return rows


def _gain(point: CurvePoint) -> tuple[str, str]:
    one = point.figures[LEADING].estimate
    between = one.caveat or "no interval" if one.interval is None else _between(one.interval)
    return DASH if one.value is None else format_signed(one.value), between


def _show_saved(one: LabelsSaved) -> tuple[str, str]:
    """Random labels that give the same, and the interval, or why there is none."""
    if one.equal is None:
        return "cannot be judged", one.reason
    between = one.reason if one.low is None or one.high is None else f"{one.low:,.0f} to {one.high:,.0f}"
    return f"{one.equal:,.0f}", between


@final
@dataclass(frozen=True, kw_only=True)
class LabellingPlot:
    """Balanced accuracy by labels, on an axis on which each doubling is as wide.

    Attributes:
        lines: The leading strategy and random labels.
        whiskers: Style, place, low and high in percent, and the point in words.
        x_ticks: Numbers of labels.
        y_ticks: Shares.
        alt: All points in words.
    """

    lines: list[Line]
    whiskers: list[tuple[str, float, float, float | None, float | None, str]]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    alt: str


def draw_curves(found: LabellingCurves) -> LabellingPlot | None:
    """The leading strategy against random labels; None for a single budget."""
    if len(found.budgets) < len(STYLES):
        return None
    places = [math.log2(number) for number in found.budgets]
    margin = 0.06 * (places[-1] - places[0])
    across = Axis(low=places[0] - margin, high=places[-1] + margin, ticks=places)
    names = (leading_strategy(found), RANDOM)
    figures = {name: [found.find(name, number).figures[LEADING].estimate for number in found.budgets] for name in names}
    ends = [end for row in figures.values() for one in row for end in (one.value, one.low, one.high) if end is not None]
    down = axis(ends)
    lines, whiskers = [], []
    for style, name in zip(STYLES, names, strict=True):
        values = [math.nan if one.value is None else one.value for one in figures[name]]
        lines.append(line(name, style, places, values, across, down))
        for number, at, one in zip(found.budgets, places, figures[name], strict=True):
            if one.value is None:
                continue
            ends_at = (None, None) if one.interval is None else tuple(map(down.down, one.interval))
            between = "no interval" if one.interval is None else span(*one.interval)
            words = f"{name}, {whole(number)} labels: {share(one.value)}, {between}"
            whiskers.append((style, across.across(at), down.down(one.value), ends_at[0], ends_at[1], words))
    return LabellingPlot(
        lines=lines,
        whiskers=whiskers,
        x_ticks=[Tick(across.across(at), whole(number)) for number, at in zip(found.budgets, places, strict=True)],
        y_ticks=[Tick(down.down(tick), f"{100 * tick:.3g} %") for tick in down.ticks],
        alt="; ".join(words for *_, words in whiskers),
    )
