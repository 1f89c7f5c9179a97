"""Whether the true class is among the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.core.ranges import PositiveInt
from pipeline.statistics.calibration import mean_of_samples


@final
@dataclass(frozen=True, kw_only=True)
class TopKAccuracy(Metric):
    """Share of the samples whose class is among the `k` highest scores, 0 to 1; undefined for k or fewer classes.

    Of equal scores the later class ranks higher, as in scikit-learn.

    Args:
        k: How many classes count.
    """

    k: PositiveInt

    averaging = "multiclass"
    by_scores = True

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        num_classes = targets.shape[1]
        if num_classes <= self.k:
            return np.full(len(weights), np.nan)
        truth = targets.argmax(axis=1)[:, None]
        own = np.take_along_axis(scores, truth, axis=1)
        ahead = (scores > own) | ((scores == own) & (np.arange(num_classes) > truth))
        return mean_of_samples((ahead.sum(axis=1) < self.k).astype(float), weights)
