"""Any number of labels per sample, also none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, final

import numpy as np

from pipeline.core.contracts import Task
from pipeline.core.errors import UserError
from pipeline.core.labels import to_matrix

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_THRESHOLD = 0.5


@final
@dataclass(frozen=True, kw_only=True)
class MultiLabel(Task):
    """A sigmoid and binary cross-entropy for each label; a label is decided where its score reaches its threshold.

    A row of zeros says that a sample has none of the labels. The pipeline never makes one of a sample whose labels are
    unknown: an empty list in the manifest means "unlabelled", which takes part in no split. Where pictures with none
    of the labels are known, the source gives them a label of their own, such as `nothing`.

    The weights of the loss shift the logits by their logarithm, so `probabilities` takes it off again: a score stays
    the probability of the label, whatever the weights, and can be read and compared as such.

    Args:
        positive_weights: `balanced` weighs a label's positives by negatives / positives of train, `none` by 1.
        max_positive_weight: Weights are kept between 1 / this and this, at least 1.
        weights: Learnt by `weighed`, one per class; null is 1 for each.
        thresholds: Learnt by `tuned`, one per class, 0 to 1; null is 0.5 for each.

    Source: the shift follows from the minimum of the weighted loss, p w / (p w + 1 - p); Elkan 2001, The Foundations of
        Cost-Sensitive Learning, theorem 2; Saerens et al. 2002, doi:10.1162/089976602753284446.
    """

    exclusive: ClassVar[bool] = False
    positive_weights: Literal["balanced", "none"]
    max_positive_weight: float
    weights: list[float] | None = None
    thresholds: list[float] | None = None

    def __post_init__(self) -> None:
        if self.positive_weights not in ("balanced", "none"):
            raise ValueError(f"positive_weights must be balanced or none, got {self.positive_weights!r}")
        if not self.max_positive_weight >= 1:
            raise ValueError(f"max_positive_weight must be at least 1, got {self.max_positive_weight}")
        if self.weights is not None and not all(0 < one < np.inf for one in self.weights):
            raise ValueError(f"weights must each be above 0 and finite, got {self.weights}")
        if self.thresholds is not None and not all(0 <= one <= 1 for one in self.thresholds):
            raise ValueError(f"thresholds must each be 0 to 1, got {self.thresholds}")

    def targets(self, labels: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
        return to_matrix(labels, classes)

    def weighed(self, targets: np.ndarray) -> MultiLabel:
        if self.positive_weights == "none":
            return replace(self, weights=None)
        positives = targets.sum(axis=0, dtype=np.float64)
        negatives = len(targets) - positives
        both = (positives > 0) & (negatives > 0)  # with one side only there is nothing to balance
        ratio = np.divide(negatives, positives, out=np.ones_like(positives), where=both)
        return replace(self, weights=np.clip(ratio, 1 / self.max_positive_weight, self.max_positive_weight).tolist())

    def tuned(self, targets: np.ndarray, scores: np.ndarray) -> MultiLabel:
        columns = zip(targets.T, scores.T, strict=True)
        return replace(self, thresholds=[best_threshold(truth, score) for truth, score in columns])

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        from torch.nn.functional import binary_cross_entropy_with_logits

        weights = None if self.weights is None else logits.new_tensor(self._per_class("weights", logits.shape[1]))
        return binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)

    def probabilities(self, logits: Tensor) -> Tensor:
        if self.weights is None:
            return logits.sigmoid()
        return (logits - logits.new_tensor(self._per_class("weights", logits.shape[1])).log()).sigmoid()

    def log_loss(self, targets: np.ndarray, scores: np.ndarray) -> float:
        of_truth = np.where(targets > 0, scores, 1 - scores)
        return float(-np.log(np.clip(of_truth, 1e-7, 1)).mean())

    def decide(self, scores: np.ndarray) -> np.ndarray:
        if self.thresholds is None:
            return np.asarray(scores >= DEFAULT_THRESHOLD)
        return np.asarray(scores >= np.array(self._per_class("thresholds", scores.shape[1])))

    def _per_class(self, name: str, num_classes: int) -> list[float]:
        values: list[float] = getattr(self, name)
        if len(values) != num_classes:
            raise UserError(f"task multi_label has {len(values)} {name} for {num_classes} classes; run dvc repro train")
        return values


def best_threshold(truth: np.ndarray, scores: np.ndarray) -> float:
    """The threshold with the highest F1 on these samples, away from all their scores.

    Between two neighbouring scores every threshold decides the same, so one stands for all of them: 0.5 where it lies
    between them, else the middle. Of several equally good ones the nearest to 0.5 is taken, of two the lower.

    Args:
        truth: (N,) in {0, 1}; 0.5 is the answer when there is no positive.
        scores: (N,) in [0, 1].

    Source: Lipton et al. 2014, arXiv:1402.1892, on thresholds that maximise F1 and on their unreliability where a
        label has few positives.
    """
    if not truth.any() or not np.isfinite(scores).all():
        return DEFAULT_THRESHOLD
    upper, place = np.unique(scores.astype(np.float64), return_inverse=True)
    lower = np.concatenate([[0.0], upper[:-1]])
    hits = np.cumsum(np.bincount(place, weights=truth)[::-1])[::-1]  # positives at this score or above
    decided = np.cumsum(np.bincount(place)[::-1])[::-1]
    f1 = 2 * hits / (decided + truth.sum())
    inside = (lower < DEFAULT_THRESHOLD) & (upper >= DEFAULT_THRESHOLD)
    thresholds = np.where(inside, DEFAULT_THRESHOLD, (lower + upper) / 2)
    best = thresholds[f1 >= f1.max() - 1e-12]
    return float(best[np.abs(best - DEFAULT_THRESHOLD).argmin()])
