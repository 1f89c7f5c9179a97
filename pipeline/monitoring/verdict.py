"""From a figure and what chance explains to a state, and what would be needed to say more."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pipeline.core.drift_report import Chance, State
from pipeline.core.terminal import count_of
from pipeline.statistics.group_permutation import least_number, number_for


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What can be said of a measure.

    Attributes:
        state: As in `DriftMeasure`.
        detectable: As in `DriftMeasure`, as are `needed` and `needed_unit`.
        reason: Why it cannot be judged, as sentences; empty where it can.
    """

    state: State
    detectable: float | None
    needed: int | None
    needed_unit: Literal["pictures", "groups"]
    reason: str


def decide(is_drifted: bool, chance: Chance, detectable: float, wanted: float, start: float = 0.0) -> Verdict:
    """The state of a measure.

    Args:
        is_drifted: Whether its figure is beyond the limit and more than chance explains.
        chance: Of its distances.
        detectable: The true figure that is found in 4 of 5 cases; infinite or NaN where none is.
        wanted: The figure that should be found.
        start: The figure without drift.
    """
    unit: Literal["pictures", "groups"] = "groups" if chance.are_groups else "pictures"
    finite = math.isfinite(detectable)
    found = detectable if finite else None
    if is_drifted or (finite and detectable <= wanted):
        state: State = "drifted" if is_drifted else "not_shown"
        return Verdict(state=state, detectable=found, needed=None, needed_unit=unit, reason="")
    needed = least_number(chance.num_reference, chance.share)
    if finite:
        needed = number_for(chance.num_reference, chance.num_new, (wanted - start) / (detectable - start))
        needed = None if needed is None else max(needed, chance.num_new + 1)
    reason = _explain(chance, found, wanted, needed, unit)
    return Verdict(state="cannot_be_judged", detectable=found, needed=needed, needed_unit=unit, reason=reason)


def _explain(chance: Chance, detectable: float | None, wanted: float, needed: int | None, unit: str) -> str:
    sizes = f"{count_of(chance.num_new, f'new {unit[:-1]}')} and {chance.num_reference:,} to compare with"
    if detectable is None:
        found = f"With {sizes} no difference would stand out from chance (smallest p-value {chance.least_p:.2g})."
    else:
        found = f"With {sizes} a figure of {detectable:.2f} would be found in 4 of 5 cases; {wanted:.2f} is wanted."
    if needed is None:
        return f"{found} No number of new {unit} would do: there are too few to compare with."
    return f"{found} That takes about {needed:,} new {unit}."
