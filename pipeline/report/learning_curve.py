"""The learning curve of the linear probe: measured points, the predicted one, and what they say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.core.estimate import Estimate
from pipeline.evaluation.curve_text import DOUBLED, PERCENTS, POINT, describe_curve
from pipeline.report.formatting import share, span, whole
from pipeline.report.plots import Axis, Tick, axis


@dataclass(frozen=True, kw_only=True)
class PlotPoint:
    """One size.

    Attributes:
        x: Percent of the width.
        y: Percent of the height, from the top.
        low: The lower end of the interval, as `y`; None without an interval.
        high: The upper end.
        text: In words.
        is_predicted: Whether it is beyond the data.
    """

    x: float
    y: float
    low: float | None
    high: float | None
    text: str
    is_predicted: bool


@dataclass(frozen=True, kw_only=True)
class LearningCurve:
    """What the section shows.

    Attributes:
        sentence: Would more pictures help?
        points: Smallest first, the predicted one last.
        line: The measured points, as those of an SVG polyline.
        x_ticks: Numbers of pictures.
        y_ticks: Shares.
    """

    sentence: str
    points: list[PlotPoint]
    line: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def learning_curve(metrics: Mapping[str, Estimate]) -> LearningCurve | None:
    """The curve on an axis on which each doubling is as wide; None where none was measured.

    Args:
        metrics: `reports/test_metrics.json`.
    """
    found = [(percent, metrics.get(POINT.format(percent))) for percent in (*PERCENTS, DOUBLED)]
    known = [(percent, one) for percent, one in found if one is not None and one.value is not None and one.n > 0]
    if len(known) < 2:
        return None
    logs = [math.log2(one.n) for _, one in known]
    margin = 0.06 * (logs[-1] - logs[0])
    across = Axis(low=logs[0] - margin, high=logs[-1] + margin, ticks=logs)
    down = axis([end for _, one in known for end in (one.value, one.low, one.high) if end is not None])
    points = [_point(one, at, percent == DOUBLED, across, down) for (percent, one), at in zip(known, logs, strict=True)]
    return LearningCurve(
        sentence=describe_curve(dict(metrics), "{noun}"),
        points=points,
        line=" ".join(f"{point.x},{point.y}" for point in points if not point.is_predicted),
        x_ticks=[Tick(across.across(at), whole(one.n)) for (_, one), at in zip(known, logs, strict=True)],
        y_ticks=[Tick(down.down(tick), f"{100 * tick:.3g} %") for tick in down.ticks],
    )


def _point(estimate: Estimate, at: float, is_predicted: bool, across: Axis, down: Axis) -> PlotPoint:
    assert estimate.value is not None
    interval = "no interval" if estimate.interval is None else span(*estimate.interval)
    size = f"{whole(estimate.n)} {{noun}}s{' (predicted)' if is_predicted else ''}"
    return PlotPoint(
        x=across.across(at),
        y=down.down(estimate.value),
        low=None if estimate.low is None else down.down(estimate.low),
        high=None if estimate.high is None else down.down(estimate.high),
        text=f"{size}: {share(estimate.value)}, {interval}",
        is_predicted=is_predicted,
    )
