"""The margin of a model over the properties of the pictures, in words; nothing heavy is loaded here."""

from __future__ import annotations

from typing import Any

BEYOND = "baseline_margin"  # in the metrics of test
CROSS = "cross/"  # begins the names of cross-validated figures there


def is_significantly_worse(entry: dict[str, Any]) -> bool:
    """Whether the test shows that the properties alone do better."""
    return entry["high"] is not None and entry["high"] < 0


def describe_margin(entry: dict[str, Any] | None, who: str = "Its balanced accuracy") -> str:
    """What the entry says; empty where there is none.

    Args:
        entry: `margin_over_properties` as JSON.
        who: The subject.
    """
    if entry is None or entry["value"] is None:
        return ""
    points = 100 * entry["value"]
    side = "below" if points < 0 else "above"
    text = f"{who} is {abs(points):.1f} points {side} what the properties alone reach on the same pictures"
    if entry["low"] is None or entry["high"] is None:
        return f"{text}; {entry.get('caveat') or 'no interval says how sure that is'}"
    text += f", between {100 * entry['low']:+.1f} and {100 * entry['high']:+.1f}"
    if entry["low"] > 0:
        return f"{text}: it shows more than these"
    if is_significantly_worse(entry):
        return f"{text}: it does worse than these"
    return f"{text}: this does not show more than these"
