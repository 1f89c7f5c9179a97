"""The base of metrics that are computed from another one."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass

import numpy as np

from pipeline.core.evaluation_contracts import Metric


@dataclass(frozen=True, kw_only=True, eq=False)
class DerivedMetric(Metric, ABC):
    """Says of itself all that `metric` says, so that its range, its caveat and what it is meant for stay known.

    Args:
        metric: What it is computed from.
    """

    metric: Metric

    @property
    def averaging(self) -> str:  # type: ignore[override]
        return self.metric.averaging

    @property
    def larger_is_better(self) -> bool:  # type: ignore[override]
        return self.metric.larger_is_better

    @property
    def by_scores(self) -> bool:  # type: ignore[override]
        return self.metric.by_scores

    @property
    def bounds(self) -> tuple[float, float]:  # type: ignore[override]
        return self.metric.bounds

    @property
    def caveat(self) -> str:  # type: ignore[override]
        return self.metric.caveat

    def support(self, targets: np.ndarray, decided: np.ndarray) -> np.ndarray:
        return self.metric.support(targets, decided)
