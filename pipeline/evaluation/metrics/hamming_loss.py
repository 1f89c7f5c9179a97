"""The share of wrong decisions among all pairs of a sample and a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.statistics.classification import total_weight


@final
@dataclass(frozen=True, kw_only=True)
class HammingLoss(Metric):
    """Wrong pairs of sample and class over all pairs, 0 to 1 (Schapire and Singer 2000, doi:10.1023/A:1007649029923).

    Made for several labels per sample. With many classes and few labels it is small whatever the model does.
    """

    per_class = False
    larger_is_better = False

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        wrong = (targets.astype(bool) != decided).mean(axis=1)
        return weights @ wrong / total_weight(weights)

    def support(self, targets: np.ndarray, decided: np.ndarray) -> np.ndarray:
        return np.ones((len(targets), 1), dtype=bool)
