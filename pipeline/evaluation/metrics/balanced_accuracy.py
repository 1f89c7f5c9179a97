"""Accuracy as if every class were equally frequent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.statistics.classification import confusion_counts, macro_average


@final
@dataclass(frozen=True, kw_only=True)
class BalancedAccuracy(Metric):
    """Mean of the recalls of the classes that occur, 0 to 1 (Brodersen et al. 2010, doi:10.1109/ICPR.2010.764).

    For one label per sample: where several are allowed, deciding for every label of every sample would reach 1.
    """

    averaging = "multiclass"

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return macro_average(lambda rows: confusion_counts(targets, decided, rows).recall, targets, weights)

    def support(self, targets: np.ndarray, decided: np.ndarray) -> np.ndarray:
        return np.asarray(targets, dtype=bool)
