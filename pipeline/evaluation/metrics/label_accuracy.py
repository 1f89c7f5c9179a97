"""How often it is decided rightly whether a sample has a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.statistics.calibration import mean_of_samples


@final
@dataclass(frozen=True, kw_only=True)
class LabelAccuracy(Metric):
    """Share of the samples for which the presence or absence of a label is decided rightly, 0 to 1.

    Made for several labels per sample. Of a rare label it is high whatever the model does: 0.95 for one that 5 of 100
    samples have and nobody finds.

    Args:
        averaging: `none` (one number per label) or `macro` (plain mean of these, 1 minus the Hamming loss).
    """

    averaging: Literal["none", "macro"]

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        right = targets.astype(bool) == decided
        return mean_of_samples(right if self.per_class else right.mean(axis=1), weights)
