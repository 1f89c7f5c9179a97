"""The values that a search may give to one parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Several values of one override.

    Attributes:
        choices: As texts that an override takes; empty for an interval.
        low: Smallest; `low` and `high` are both whole numbers where only whole numbers are meant.
        high: Largest.
        step: From one value to the next; None where all between count.
        log: Whether 1 to 10 is as wide as 10 to 100.
    """

    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False
