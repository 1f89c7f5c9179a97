"""One label per sample, out of two or more classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from pipeline.core.contracts import Task
from pipeline.core.errors import UserError
from pipeline.core.labels import to_matrix

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True, kw_only=True)
class SingleLabel(Task):
    """Softmax and cross-entropy; the class with the highest score is decided.

    Args:
        label_smoothing: Share of the target spread evenly over all classes, 0 to below 1 (Szegedy et al. 2016,
            arXiv:1512.00567).
    """

    exclusive: ClassVar[bool] = True
    label_smoothing: float

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing must be at least 0 and below 1, got {self.label_smoothing}")

    def targets(self, labels: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
        for names in labels:
            if len(names) != 1:
                raise UserError(
                    f"task single_label takes one label per sample, found {list(names)}; use task=multi_label"
                )
        return to_matrix(labels, classes)

    def weighed(self, targets: np.ndarray) -> SingleLabel:
        return self

    def tuned(self, targets: np.ndarray, scores: np.ndarray) -> SingleLabel:
        return self

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits, targets, label_smoothing=self.label_smoothing)

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits.softmax(dim=1)

    def log_loss(self, targets: np.ndarray, scores: np.ndarray) -> float:
        of_truth = (targets * scores).sum(axis=1)
        return float(-np.log(np.clip(of_truth, 1e-7, 1)).mean())

    def decide(self, scores: np.ndarray) -> np.ndarray:
        decided = np.zeros(scores.shape, dtype=bool)
        if len(scores):
            decided[np.arange(len(scores)), scores.argmax(axis=1)] = True
        return decided
