"""How well the scores order the samples, whatever the threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.statistics.classification import macro_average, rarer_side
from pipeline.statistics.rank_areas import average_precision, roc_auc


@final
@dataclass(frozen=True, kw_only=True)
class Ranking(Metric):
    """One class against the rest: AUROC (0.5 is chance) or average precision (chance is the share of the class).

    Args:
        number: `auroc` or `average_precision`.
        averaging: `none` (one number per class) or `macro` (plain mean over the classes that occur).

    Source: Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747; Davis and Goadrich 2006,
        doi:10.1145/1143844.1143874.
    """

    number: Literal["auroc", "average_precision"]
    averaging: Literal["none", "macro"]

    by_scores = True

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        def figures(rows: np.ndarray) -> np.ndarray:
            return (roc_auc if self.number == "auroc" else average_precision)(targets, scores, rows)

        return figures(weights) if self.per_class else macro_average(figures, targets, weights)

    def support(self, targets: np.ndarray, decided: np.ndarray) -> np.ndarray:
        return rarer_side(targets)
