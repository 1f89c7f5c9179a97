"""The share of wrong decisions among all pairs of a sample and a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.statistics.calibration import mean_of_samples


@final
@dataclass(frozen=True, kw_only=True)
class HammingLoss(Metric):
    """Wrong pairs of sample and class over all pairs, 0 to 1; smaller is better.

    Made for several labels per sample. With many classes and few labels it is small whatever the model does.

    Args:
        averaging: `macro` (over all classes, which is the mean of those of each) or `none` (one number per class: 1
            minus its `LabelAccuracy`).

    Source: Schapire and Singer 2000, doi:10.1023/A:1007649029923.
    """

    averaging: Literal["none", "macro"] = "macro"  # earlier Colibri recorded no averaging

    larger_is_better = False

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        wrong = targets.astype(bool) != decided
        return mean_of_samples(wrong if self.per_class else wrong.mean(axis=1), weights)
