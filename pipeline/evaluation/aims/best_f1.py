"""The best balance of precision and recall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.decision_rule import Rule
from pipeline.core.evaluation_contracts import Aim
from pipeline.evaluation.threshold_choice import choose_thresholds
from pipeline.statistics.operating_points import OperatingPoints


@final
@dataclass(frozen=True, kw_only=True)
class BestF1(Aim):
    """The threshold with the highest F1 on val.

    Args:
        of: The class that is looked for; null: the rarer one of two classes, or each of several labels.

    Source: Lipton et al. 2014, arXiv:1402.1892.
    """

    of: str | None

    def __call__(self, targets: np.ndarray, scores: np.ndarray, classes: list[str], exclusive: bool) -> Rule:
        return choose_thresholds(_choose, self.of, targets, scores, classes, exclusive)


def _choose(points: OperatingPoints) -> tuple[float | None, str]:
    return float(points.thresholds[points.f1.argmax()]), ""
