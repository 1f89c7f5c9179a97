"""A precision that must be reached, with as many found as that allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.decision_rule import Rule
from pipeline.core.evaluation_contracts import Aim
from pipeline.core.ranges import Fraction
from pipeline.evaluation.threshold_choice import choose_thresholds
from pipeline.statistics.operating_points import OperatingPoints


@final
@dataclass(frozen=True, kw_only=True)
class PrecisionAtLeast(Aim):
    """The lowest threshold whose precision on val is at least `precision`; none where no threshold reaches it.

    Args:
        of: The class that must not be decided wrongly; null: the rarer one of two classes, or each of several labels.
        precision: Share of the decisions for it that are right, 0 to 1.
    """

    of: str | None
    precision: Fraction

    def __call__(self, targets: np.ndarray, scores: np.ndarray, classes: list[str], exclusive: bool) -> Rule:
        return choose_thresholds(self._choose, self.of, targets, scores, classes, exclusive)

    def _choose(self, points: OperatingPoints) -> tuple[float | None, str]:
        reached = points.precision >= self.precision - 1e-12
        if not reached.any():
            best = points.precision.max()
            return (
                None,
                f"reaches a precision of {best:.3f} on val at most, not {self.precision:g}, and has no threshold",
            )
        return float(points.thresholds[reached][0]), ""
