"""The values that a search may give to one parameter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
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

    @classmethod
    def from_interval(cls, low: float, high: float, log: bool = False) -> Sweep:
        """All between two numbers, or all whole numbers between two whole ones.

        Raises:
            ValueError: One is not finite, or `low` is not below `high`.
        """
        if not -math.inf < low < high < math.inf:
            raise ValueError(f"expected two finite numbers, the smaller one first, got {low} and {high}")
        return cls(low=low, high=high, log=log)

    @classmethod
    def from_range(cls, start: float, stop: float, step: float, log: bool = False) -> Sweep:
        """`start`, and what follows it in steps below `stop`.

        Raises:
            ValueError: One is not finite, `start` is not below `stop`, or `step` is not above 0.
        """
        if not (-math.inf < start < stop < math.inf and 0 < step < math.inf):
            raise ValueError(
                f"expected finite numbers, start below stop and step above 0, got {start}, {stop} and {step}"
            )
        first, end, by = (Fraction(str(one)) for one in (start, stop, step))  # 0.3 as it is written
        last = first + (math.ceil((end - first) / by) - 1) * by
        kind = int if all(isinstance(one, int) for one in (start, stop, step)) else float
        return cls(low=kind(first), high=kind(last), step=step, log=log)
