"""Accuracy as if every class were equally frequent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.contracts import Metric
from pipeline.core.scoring import average, count


@final
@dataclass(frozen=True, kw_only=True)
class BalancedAccuracy(Metric):
    """Mean of the recalls of the classes that occur, 0 to 1 (Brodersen et al. 2010, doi:10.1109/ICPR.2010.764)."""

    per_class = False

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        counts = count(targets, decided, weights)
        return average(counts.recall, counts.support, "macro")
