"""The error of the scores as probabilities, where certainty about a wrong class costs most."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.statistics.calibration import mean_of_samples


@final
@dataclass(frozen=True, kw_only=True)
class LogLoss(Metric):
    """Mean negative logarithm of the probability of what is true, in nats: 0 is perfect, smaller is better.

    A probability below the precision of its type counts as that, as in scikit-learn: at most 15.9 for float32.

    Args:
        averaging: `multiclass` (the probability of the one true class), `none` (that each class is there or not, one
            number per class) or `macro` (plain mean of these).

    Source: Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x.
    """

    averaging: Literal["multiclass", "none", "macro"]

    larger_is_better = False
    by_scores = True
    bounds = (0.0, math.inf)

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        likely = (targets * scores).sum(axis=1) if self.exclusive else np.where(targets > 0, scores, 1 - scores)
        losses = -np.log(np.maximum(likely, np.finfo(scores.dtype).eps, dtype=np.float64))
        return mean_of_samples(losses.mean(axis=1) if self.averaging == "macro" else losses, weights)
