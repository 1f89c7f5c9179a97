"""Retrain when the champion is old."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from pipeline.core.ranges import PositiveFloat
from pipeline.core.retrain_contracts import Opinion, RetrainEvidence, RetrainRule


@final
@dataclass(frozen=True, kw_only=True)
class Age(RetrainRule):
    """Retrains when the champion was registered long ago.

    Args:
        max_days: Since the champion was registered, by the clock of the call.
    """

    max_days: PositiveFloat

    def __call__(self, evidence: RetrainEvidence) -> Opinion:
        days = evidence.champion_days
        if days is None:
            return Opinion(True, "There is no champion yet.")
        return Opinion(days >= self.max_days, f"The champion is {days:.1f} days old; {self.max_days:g} are a reason.")
