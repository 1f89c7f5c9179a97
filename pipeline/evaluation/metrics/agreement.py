"""Agreement of decisions and labels above what chance gives, whatever the sizes of the classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.statistics.classification import average, confusion_counts, of_same_classes, rarer_side


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

    @property
    def per_class(self) -> bool:  # type: ignore[override]
        return self.averaging == "none"

    @property
    def exclusive(self) -> bool:  # type: ignore[override]
        return self.averaging == "multiclass"

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        counts = confusion_counts(targets, decided, weights)
        if self.exclusive:
            return np.asarray(getattr(counts, f"{self.number}_of_all"))
        if self.per_class:
            return np.asarray(getattr(counts, self.number))
        same = of_same_classes(
            lambda rows: getattr(confusion_counts(targets, decided, rows), self.number), rarer_side(targets), weights
        )
        return average(same, np.ones_like(same), "macro")

    def support(self, targets: np.ndarray, decided: np.ndarray) -> np.ndarray:
        return np.asarray(targets, dtype=bool) if self.exclusive else rarer_side(targets)
