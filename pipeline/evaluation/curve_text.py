"""Whether more pictures would help, in words; this module imports no numeric library."""

from __future__ import annotations

from pipeline.core.estimate import Estimate
from pipeline.evaluation.margin_text import CROSS

PERCENTS = (10, 20, 40, 80)  # of all samples, in whole groups; 80 is what a model of five folds is trained on
DOUBLED = 160  # percent: twice as many as the last
POINT = f"{CROSS}at_{{}}_percent"
GAIN = f"{CROSS}gain_of_doubling"
MAX_WIDTH = 0.2  # of the interval of what is predicted; wider ones say nothing


def describe_curve(estimates: dict[str, Estimate], noun: str = "picture") -> str:
    """Would more samples, each called `noun`, help? One sentence; empty where no curve was measured."""
    last, gain = estimates.get(POINT.format(PERCENTS[-1])), estimates.get(GAIN)
    if last is None or last.value is None:
        return ""
    if gain is None or gain.value is None or gain.low is None or gain.high is None or gain.high - gain.low > MAX_WIDTH:
        return f"Whether more {noun}s would help cannot be judged: the learning curve is too uncertain"
    points = [f"{100 * value:+z.1f}" for value in (gain.value, gain.low, gain.high)]
    span = f"{points[0]} points of balanced accuracy ({points[1]} to {points[2]}) from {last.n:,} to {gain.n:,} {noun}s"
    if gain.high < 0.01:
        return f"More {noun}s of this kind would hardly help these features: {span}"
    if gain.low > 0:
        return f"More {noun}s would help these features: {span}"
    return f"Whether more {noun}s would help cannot be judged: {span} is predicted, and the interval includes 0"
