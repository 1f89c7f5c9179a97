"""Positions of points and ticks in percent of the plot, so that text keeps its size at any width of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Tick:
    """A mark on an axis; `at` is its position in percent of the plot, from the left or from the top."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve.

    Attributes:
        kind: CSS class: `first` or `second`.
        strokes: Unbroken runs, each as the `points` of an SVG polyline.
        points: (x, y) in percent.
    """

    name: str
    kind: str
    strokes: list[str]
    points: list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Maps values to percent of the plot."""

    low: float
    high: float
    ticks: list[float]

    def across(self, value: float) -> float:
        return round(100 * (value - self.low) / (self.high - self.low), 3)

    def down(self, value: float) -> float:
        return round(100 - self.across(value), 3)


def axis(values: Sequence[float], num_ticks: int = 4, whole: bool = False) -> Axis:
    """An axis with round ticks that holds all values.

    Args:
        values: Finite numbers.
        num_ticks: About how many ticks.
        whole: Ticks at whole numbers only, on an axis from the lowest to the highest value.
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    if high - low < 1e-12:
        low, high = (low - 0.5, high + 0.5) if whole else (min(0.0, 2 * low), max(0.0, 2 * high))
    if high - low < 1e-12:
        high = low + 1
    rough = (high - low) / num_ticks
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough - 1e-12)
    if whole:
        step = max(1.0, math.ceil(step))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [round(number * step, 12) for number in range(first, last + 1)]
    if whole:
        return Axis(low=low, high=high, ticks=[tick for tick in ticks if low <= tick <= high])
    return Axis(low=ticks[0], high=ticks[-1], ticks=ticks)


def line(name: str, kind: str, xs: Sequence[float], ys: Sequence[float], x_axis: Axis, y_axis: Axis) -> Line:
    """A curve; it is broken where a value is not finite."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(xs, ys, strict=True):
        if math.isfinite(y):
            runs[-1].append((x_axis.across(x), y_axis.down(y)))
        else:
            runs.append([])
    return Line(
        name=name,
        kind=kind,
        strokes=[" ".join(f"{x},{y}" for x, y in run) for run in runs if len(run) > 1],
        points=[point for run in runs for point in run],
    )
