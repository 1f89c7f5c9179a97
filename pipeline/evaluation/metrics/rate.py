"""Precision, recall, specificity and F1 of the decided labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pipeline.core.evaluation_contracts import Metric
from pipeline.statistics.classification import average, class_sizes, confusion_counts, of_same_classes


@final
@dataclass(frozen=True, kw_only=True)
class Rate(Metric):
    """One of four rates, of each class or averaged, 0 to 1.

    Args:
        number: `precision` (of those decided to be of a class, how many are), `recall` (of a class, how many were
            found), `f1` (the harmonic mean of these) or `specificity` (of all others, how many were not decided so).
        averaging: `none` (one number per class), `macro` (plain mean), `weighted` (by class size) or `micro` (all pairs
            of sample and class counted together; with one label per sample precision, recall and F1 are then the
            accuracy).
    """

    number: Literal["precision", "recall", "f1", "specificity"]
    averaging: Literal["none", "macro", "weighted", "micro"]

    def __call__(self, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        def figures(rows: np.ndarray) -> np.ndarray:
            return np.asarray(getattr(confusion_counts(targets, decided, rows), self.number))

        if self.per_class:
            return figures(weights)
        if self.averaging == "micro":
            return np.asarray(getattr(confusion_counts(targets, decided, weights).pool, self.number)[:, 0])
        side = 1 - targets if self.number == "specificity" else targets  # without which a class has no figure
        same = of_same_classes(figures, side, weights)
        return average(same, class_sizes(targets, weights) if self.averaging == "weighted" else None)

    def support(self, targets: np.ndarray, decided: np.ndarray) -> np.ndarray:
        if self.averaging in ("micro", "weighted"):
            return super().support(targets, decided)
        if self.number == "specificity":
            return ~np.asarray(targets, dtype=bool)
        return np.asarray(decided if self.number == "precision" else targets, dtype=bool)
