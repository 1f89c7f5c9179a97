"""Whether the labels of a sample score higher than those that it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.statistics.calibration import mean_of_samples


@final
@dataclass(frozen=True, kw_only=True)
class RankingLoss(Metric):
    """Share of the pairs of a present and an absent label of a sample in the wrong order, 0 to 1; smaller is better.

    The mean over samples. Equal scores count as wrong, and a sample with all labels or none has a loss of 0.
    Made for several labels per sample.

    Source: Tsoumakas, Katakis and Vlahavas 2010, doi:10.1007/978-0-387-09823-4_34.
    """

    averaging = "samples"
    larger_is_better = False
    by_scores = True

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        order = np.lexsort((-targets, scores), axis=1)  # of equal scores the present labels first: they count as wrong
        present = np.take_along_axis(targets > 0, order, axis=1)
        wrong = (np.cumsum(present, axis=1) * ~present).sum(axis=1)
        pairs = present.sum(axis=1) * (~present).sum(axis=1)
        return mean_of_samples(wrong / np.maximum(pairs, 1), weights)
