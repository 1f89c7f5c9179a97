"""No label: what a sample belongs to is found, not given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from pipeline.core.contracts import Task
from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True, kw_only=True)
class Clusters(Task):
    """Groups of samples that resemble each other; labels, where there are any, change nothing.

    A sample belongs to the cluster with the highest score. Only trainers without labels fit this task.

    Args:
        names: Set by the trainer: the clusters, the largest of train first; null before.
    """

    exclusive: ClassVar[bool] = True
    supervised: ClassVar[bool] = False
    names: list[str] | None = None

    def outcomes(self, labels: list[str]) -> list[str]:
        if self.names is None:
            raise UserError("task clusters has no clusters yet; run dvc repro train")
        return self.names

    def with_outcomes(self, names: list[str]) -> Clusters:
        return replace(self, names=names)

    def targets(self, labels: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
        return np.zeros((len(labels), 0), dtype=np.float32)

    def fit_class_weights(self, targets: np.ndarray) -> Clusters:
        return self

    def fit_thresholds(self, targets: np.ndarray, scores: np.ndarray) -> Clusters:
        return self

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        raise UserError(NO_LOSS)

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits.softmax(dim=1)

    def log_loss(self, targets: np.ndarray, scores: np.ndarray) -> float:
        raise UserError(NO_LOSS)

    def decide(self, scores: np.ndarray) -> np.ndarray:
        decided = np.zeros(scores.shape, dtype=bool)
        if len(scores):
            decided[np.arange(len(scores)), scores.argmax(axis=1)] = True
        return decided


NO_LOSS = "task clusters has no labels, so no loss is defined; set train=kmeans or train=mixture"
