"""How calibrated scores become labels, where the task of the model does not decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True, kw_only=True)
class Rule:
    """How calibrated scores become labels; without thresholds and costs the task of the model decides.

    Attributes:
        thresholds: One per class, 0 to 1, or None for a class without one. With one label per sample a class is decided
            where its score reaches its threshold, else the highest score of the other classes. With several labels each
            is decided where its score reaches its threshold; 0.5 is that of a label without one.
        costs: K rows, the actual class, of K costs of each decision; the decision with the lowest expected cost is
            taken. For one label per sample.
        note: Why the aim could not be reached, as a sentence; empty where it was.
    """

    thresholds: tuple[float | None, ...] | None = None
    costs: tuple[tuple[float, ...], ...] | None = None
    note: str = ""

    def decide(self, scores: np.ndarray, exclusive: bool) -> np.ndarray | None:
        """(N, K) calibrated scores to (N, K) bool; None where the task decides.

        Source: Elkan 2001, The foundations of cost-sensitive learning, IJCAI, for the costs.
        """
        if self.costs is not None:
            return _one_hot((scores.astype(np.float64) @ np.array(self.costs)).argmin(axis=1), scores.shape)
        if self.thresholds is None:
            return None
        if not exclusive:
            return np.asarray(scores >= np.array([0.5 if one is None else one for one in self.thresholds]))
        limits = np.array([np.inf if one is None else one for one in self.thresholds])
        reaches = (scores >= limits).any(axis=1)
        preferred = np.where(scores >= limits, scores, -np.inf).argmax(axis=1)
        others = np.where(np.isfinite(limits), -np.inf, scores).argmax(axis=1)
        return _one_hot(np.where(reaches, preferred, others), scores.shape)


def _one_hot(columns: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    decided = np.zeros(shape, dtype=bool)
    decided[np.arange(shape[0]), columns] = True
    return decided
