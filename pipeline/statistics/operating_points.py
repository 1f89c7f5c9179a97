"""What each threshold of a score would decide, for the choice of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class OperatingPoints:
    """The thresholds that make a difference, the lowest first.

    Attributes:
        thresholds: (T,) each between two neighbouring scores; the lowest below all of them.
        precision: (T,) of those decided the share that is positive.
        recall: (T,) of the positives the share decided.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray

    @classmethod
    def of(cls, truth: np.ndarray, scores: np.ndarray) -> OperatingPoints:
        """Those of (N,) truth in {0, 1} and (N,) scores in [0, 1], with at least one positive."""
        upper, position = np.unique(scores.astype(np.float64), return_inverse=True)
        lower = np.concatenate([[0.0], upper[:-1]])
        hits = np.cumsum(np.bincount(position, weights=truth)[::-1])[::-1]
        decided = np.cumsum(np.bincount(position)[::-1])[::-1]
        return cls((lower + upper) / 2, hits / decided, hits / truth.sum())

    @property
    def f1(self) -> np.ndarray:
        """(T,) harmonic mean of both."""
        total = self.precision + self.recall
        return np.divide(2 * self.precision * self.recall, total, out=np.zeros(len(total)), where=total > 0)
