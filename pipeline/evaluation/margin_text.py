"""The margin of a model over the properties of the pictures, in words; this module imports no numeric library."""

from __future__ import annotations

from pipeline.core.estimate import Estimate

MARGIN = "_margin"  # ends the name of a difference of two balanced accuracies
BEYOND = "baseline_margin"  # in the metrics of test
CROSS = "cross/"  # prefix of cross-validated figures in these metrics
PROPERTIES = "properties_"  # after it: figures of the properties alone in the same folds


def is_significantly_worse(margin: Estimate) -> bool:
    """Whether the whole interval of the margin is below 0: the properties alone do better."""
    return margin.high is not None and margin.high < 0


def describe_margin(margin: Estimate | None, who: str = "Its balanced accuracy", noun: str = "picture") -> str:
    """A clause about the margin and its interval; empty where there is no margin.

    Args:
        margin: The result of `margin_over_properties`.
        who: Subject of the clause.
        noun: What a sample is called.
    """
    if margin is None or margin.value is None:
        return ""
    points = 100 * margin.value
    side = "below" if points < 0 else "above"
    text = f"{who} is {abs(points):.1f} points {side} what the properties alone reach on the same {noun}s"
    if margin.interval is None:
        return f"{text}; {margin.caveat or 'no interval says how sure that is'}"
    low, high = margin.interval
    ends = [f"{100 * low:+z.1f}", f"{100 * high:+z.1f}"]
    text += f", between {ends[0]} and {ends[1]}" if len({*ends}) == 2 else ", without any spread"
    if low > 0:
        return f"{text}: the model uses more than these properties"
    if is_significantly_worse(margin):
        return f"{text}: these properties alone do better"
    return f"{text}: it is not shown to use more than these properties"
