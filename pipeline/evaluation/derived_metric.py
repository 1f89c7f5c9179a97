"""The base of metrics that are computed from another one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.core.evaluation_contracts import Metric

Measure = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


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

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return self.derive(self.metric, targets, decided, scores, weights)

    def without_bias(
        self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        return self.derive(self.metric.without_bias, targets, decided, scores, weights)

    @abstractmethod
    def derive(
        self,
        measure: Measure,
        targets: np.ndarray,
        decided: np.ndarray,
        scores: np.ndarray,
        weights: np.ndarray,
    ) -> np.ndarray:
        """What a metric returns, computed from `measure`: `metric` or its `without_bias`."""

    def support(self, targets: np.ndarray, decided: np.ndarray) -> np.ndarray:
        return self.metric.support(targets, decided)
