"""The share of samples whose decided labels are exactly the true ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.statistics.calibration import mean_of_samples


@final
@dataclass(frozen=True, kw_only=True)
class Accuracy(Metric):
    """Share of exact matches over all samples, 0 to 1; for several labels per sample this is subset accuracy."""

    averaging = "samples"

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return mean_of_samples((targets.astype(bool) == decided).all(axis=1), weights)
