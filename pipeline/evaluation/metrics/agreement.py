"""Agreement of decisions and labels above what chance gives, whatever the sizes of the classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.statistics.classification import confusion_counts, macro_average, rarer_side


@final
@dataclass(frozen=True, kw_only=True)
class Agreement(Metric):
    """Matthews' correlation or Cohen's kappa: 1 is perfect, 0 is chance, -1 the opposite.

    Args:
        number: `matthews` (correlation of label and decision; 0 where all are decided alike) or `kappa` (agreement
            beyond that of independent decisions with the same frequencies).
        averaging: `multiclass` (one number for exclusive classes), `none` (each class against the rest) or `macro`
            (plain mean of these).

    Source: Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006, for several classes; Matthews 1975,
        doi:10.1016/0005-2795(75)90109-9; Cohen 1960, doi:10.1177/001316446002000104.
    """

    number: Literal["matthews", "kappa"]
    averaging: Literal["multiclass", "none", "macro"]

    bounds = (-1.0, 1.0)

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        def figures(rows: np.ndarray) -> np.ndarray:
            number = f"{self.number}_of_all" if self.exclusive else self.number
            return np.asarray(getattr(confusion_counts(targets, decided, rows), number))

        return macro_average(figures, rarer_side(targets), weights) if self.averaging == "macro" else figures(weights)

    def support(self, targets: np.ndarray, decided: np.ndarray) -> np.ndarray:
        return np.asarray(targets, dtype=bool) if self.exclusive else rarer_side(targets)
