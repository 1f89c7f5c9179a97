"""A recall that must be reached, with as few false alarms as that allows."""

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
class RecallAtLeast(Aim):
    """The highest threshold whose recall on val is at least `recall`.

    Args:
        of: The class that must not be missed; null: the rarer one of two classes, or each of several labels.
        recall: Share of its samples that are found, 0 to 1.
    """

    of: str | None
    recall: Fraction

    def __call__(self, targets: np.ndarray, scores: np.ndarray, classes: list[str], exclusive: bool) -> Rule:
        return choose_thresholds(self._choose, self.of, targets, scores, classes, exclusive)

    def _choose(self, points: OperatingPoints) -> tuple[float | None, str]:
        return float(points.thresholds[points.recall >= self.recall - 1e-12][-1]), ""
