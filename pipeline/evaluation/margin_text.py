"""The margin of a model over the properties of the pictures, in words; nothing heavy is loaded here."""

from __future__ import annotations

from pipeline.core.estimate import Estimate

BEYOND = "baseline_margin"  # in the metrics of test
CROSS = "cross/"  # begins the names of cross-validated figures there


def is_significantly_worse(margin: Estimate) -> bool:
    """Whether the test shows that the properties alone do better."""
    return margin.high is not None and margin.high < 0


def describe_margin(margin: Estimate | None, who: str = "Its balanced accuracy") -> str:
    """What the margin says; empty where there is none.

    Args:
        margin: As `margin_over_properties` makes it.
        who: The subject.
    """
    if margin is None or margin.value is None:
        return ""
    points = 100 * margin.value
    side = "below" if points < 0 else "above"
    text = f"{who} is {abs(points):.1f} points {side} what the properties alone reach on the same pictures"
    if margin.interval is None:
        return f"{text}; {margin.caveat or 'no interval says how sure that is'}"
    low, high = margin.interval
    text += f", between {100 * low:+.1f} and {100 * high:+.1f}"
    if low > 0:
        return f"{text}: it shows more than these"
    if is_significantly_worse(margin):
        return f"{text}: it does worse than these"
    return f"{text}: this does not show more than these"
