"""Whether 80 of 100 decisions with a score of 0.8 are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.core.ranges import PositiveInt
from pipeline.statistics.calibration import calibration_errors

HELD = {"multiclass": "82", "macro": "22 to 72"}  # percent of intervals that held the truth, of 360 samples


@final
@dataclass(frozen=True, kw_only=True)
class CalibrationError(Metric):
    """Expected calibration error: mean distance of score and frequency in bins of the score, 0 to 1; smaller is better.

    Of few samples it is too large, since chance moves the frequency of each bin away from the score.

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

    @property
    def caveat(self) -> str:  # type: ignore[override]
        held = (
            f" (it held the truth in {HELD[self.averaging]} % of test sets of 360 independent samples)"
            if self.averaging in HELD
            else ""
        )
        return f"the error of few samples is too large and its interval too high{held}"

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        if not self.exclusive:
            errors = calibration_errors(targets, scores, weights, self.num_bins)
            return errors if self.per_class else errors.mean(axis=1)
        top = scores.argmax(axis=1)[:, None]
        right, highest = (np.take_along_axis(one, top, axis=1) for one in (targets, scores))
        return calibration_errors(right, highest, weights, self.num_bins)[:, 0]
