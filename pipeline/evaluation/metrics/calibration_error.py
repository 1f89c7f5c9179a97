"""Whether 80 of 100 decisions with a score of 0.8 are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.core.ranges import PositiveInt
from pipeline.statistics.calibration import calibration_errors, debiased_calibration_errors


@final
@dataclass(frozen=True, kw_only=True)
class CalibrationError(Metric):
    """Expected calibration error: mean distance of score and frequency in bins of the score, 0 to 1; smaller is better.

    Of few samples it is too large, since chance moves the frequency of each bin away from the score. The figure is what
    everybody reports; its interval is that of the error without what chance adds, extended to the figure.

    Args:
        averaging: `multiclass` (the highest score of each sample, and whether its class is the true one), `none` (the
            score of each class, and whether it is there; one number per class) or `macro` (plain mean of these).
        num_bins: Of equal width, from 0 to 1.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """

    averaging: Literal["multiclass", "none", "macro"]
    num_bins: PositiveInt

    larger_is_better = False
    by_scores = True

    caveat = "chance makes the error of few samples too large; the interval allows for that, the figure does not"

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return self._average(calibration_errors(*self._outcomes(targets, scores), weights, self.num_bins))

    def without_bias(
        self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        errors = debiased_calibration_errors(*self._outcomes(targets, scores), weights, self.num_bins)
        return np.maximum(self._average(errors), 0.0)

    def _outcomes(self, targets: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not self.exclusive:
            return targets, scores
        top = scores.argmax(axis=1)[:, None]
        return np.take_along_axis(targets, top, axis=1), np.take_along_axis(scores, top, axis=1)

    def _average(self, errors: np.ndarray) -> np.ndarray:
        return errors if self.per_class else errors.mean(axis=1)
