"""The bars of checks: a number and its limit on a scale that does not depend on the number."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.report.formatting import brief

CHANCE = re.compile(r"\(([\d.]+) is chance\)")
GUESSING = 0.5  # AUC of a random score


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Positions on the bar, 0 to 1, and the texts at its ends."""

    reached: float
    allowed: float
    start: str
    end: str


def meter(value: float | None, limit: float | None, unit: str) -> Meter | None:
    """The bar of a number with a limit above the start of its scale; None where no scale fits.

    What is at most 1 has the scale from 0, or from chance where the unit names it, to 1. Any other number has the scale
    from 0 to twice its limit, so that its limit is in the middle; a larger number fills the bar.

    Args:
        value: Larger is worse.
        limit: The largest accepted value.
        unit: What the number counts, in words.
    """
    if value is None or limit is None:
        return None
    chance = _chance(unit)
    start, end = (chance or 0.0, 1.0) if max(value, limit) <= 1 else (0.0, 2 * limit)
    if not start < limit <= end:
        return None
    return Meter(
        reached=min(1.0, max(0.0, (value - start) / (end - start))),
        allowed=(limit - start) / (end - start),
        start=f"chance, {brief(chance)}" if chance and start == chance else "0",
        end=brief(end),
    )


def _chance(unit: str) -> float | None:
    named = CHANCE.search(unit)
    if named:
        return float(named.group(1))
    return GUESSING if unit.startswith("AUC") else None
