"""The squared error of the scores as probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.statistics.calibration import mean_of_samples


@final
@dataclass(frozen=True, kw_only=True)
class Brier(Metric):
    """Mean squared distance of score and truth, 0 (perfect) to 1; smaller is better.

    Args:
        averaging: `multiclass` (half the sum over exclusive classes, which for two is the usual score of one of them),
            `none` (one number per class, against the rest) or `macro` (plain mean of these).

    Source: Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2, whose score is twice that of `multiclass`.
    """

    averaging: Literal["multiclass", "none", "macro"]

    larger_is_better = False
    by_scores = True

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        errors = (targets - scores.astype(np.float64)) ** 2
        if self.exclusive:
            return mean_of_samples(errors.sum(axis=1) / 2, weights)
        return mean_of_samples(errors if self.per_class else errors.mean(axis=1), weights)
