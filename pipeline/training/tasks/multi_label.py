"""Any number of labels per sample, including none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, final

import numpy as np
from annotated_types import Ge, Interval

from pipeline.core.contracts import Task
from pipeline.core.labels import to_matrix
from pipeline.core.ranges import Fraction, PositiveFloat
from pipeline.training.tasks import losses

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_THRESHOLD = 0.5


@final
@dataclass(frozen=True, kw_only=True)
class MultiLabel(Task):
    """Sigmoid and binary cross-entropy for each label; a label is predicted where its score reaches its threshold.

    A row of zeros says that a sample has none of the labels. The pipeline makes one only for a sample that somebody
    looked at (`negative` in the manifest); a sample whose labels are unknown is in no split.

    `probabilities` undoes what the options of the loss do to the logits: with any of them a score is the probability of
    the label among samples like those of train.

    Args:
        class_weights: Weight of a label's positives against its negatives: `none`, 1; `balanced`, negatives / positives
            of train; `effective`, the same ratio of effective numbers (Cui et al. 2019, arXiv:1901.05555).
        beta: Parameter of the effective number, between 0 and 1: near 0 all weights are 1, near 1 they are those of
            `balanced`.
        max_class_weight: Weights are clipped to 1 / this and this, at least 1.
        focal_gamma: How strongly the loss of well-classified labels is reduced: 0 (not at all), or 1 to 10; 2 in the
            paper (Lin et al. 2017, arXiv:1708.02002).
        logit_adjustment: tau, 0 to 10. The loss adds tau x the log odds of a label in train to its logit (Menon et al.
            2021, arXiv:2007.07314, for each label as a problem of two classes).
        weights: Set by `fit_class_weights`, one per class; null is 1 for each.
        prior: Set by `fit_class_weights`: the share of train that has each label; null without `logit_adjustment`.
        thresholds: Set by `fit_thresholds`, one per class, 0 to 1; null is 0.5 for each.
    """

    exclusive: ClassVar[bool] = False
    class_weights: losses.Weighing = "none"
    beta: Annotated[float, Interval(gt=0, lt=1)] = 0.999
    max_class_weight: Annotated[float, Ge(1)] = 20.0
    focal_gamma: losses.FocalGamma = 0.0
    logit_adjustment: Annotated[float, Interval(ge=0, le=10)] = 0.0
    weights: list[PositiveFloat] | None = None
    prior: list[Annotated[float, Interval(gt=0, lt=1)]] | None = None
    thresholds: list[Fraction] | None = None

    def targets(self, labels: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
        return to_matrix(labels, classes)

    def fit_class_weights(self, targets: np.ndarray) -> MultiLabel:
        positives = targets.sum(axis=0, dtype=np.float64)
        weights = losses.positive_weights(positives, len(targets), self.class_weights, self.beta)
        weights = np.clip(weights, 1 / self.max_class_weight, self.max_class_weight)
        prior = (positives + 0.5) / (
            len(targets) + 1
        )  # never 0 or 1, also for labels that no sample or every sample has
        return replace(
            self,
            weights=None if self.class_weights == "none" else weights.tolist(),
            prior=prior.tolist() if self.logit_adjustment else None,
        )

    def fit_thresholds(self, targets: np.ndarray, scores: np.ndarray) -> MultiLabel:
        columns = zip(targets.T, scores.T, strict=True)
        return replace(self, thresholds=[best_threshold(truth, score) for truth, score in columns])

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return losses.sigmoid_loss(self._shift(logits), targets, self._weights(logits), self.focal_gamma)

    def probabilities(self, logits: Tensor) -> Tensor:
        return losses.of_sigmoid(self._shift(logits), self._weights(logits), self.focal_gamma)

    def log_loss(self, targets: np.ndarray, scores: np.ndarray) -> float:
        true_scores = np.where(targets > 0, scores, 1 - scores)
        return float(-np.log(np.clip(true_scores, 1e-7, 1)).mean())

    def decide(self, scores: np.ndarray) -> np.ndarray:
        if self.thresholds is None:
            return np.asarray(scores >= DEFAULT_THRESHOLD)
        return np.asarray(scores >= np.array(self._per_class("thresholds", scores.shape[1])))

    def _shift(self, logits: Tensor) -> Tensor:
        if self.prior is None:
            return logits
        return logits + logits.new_tensor(self._per_class("prior", logits.shape[1])).logit() * self.logit_adjustment

    def _weights(self, logits: Tensor) -> Tensor | None:
        return None if self.weights is None else logits.new_tensor(self._per_class("weights", logits.shape[1]))

    def _per_class(self, name: str, num_classes: int) -> list[float]:
        return losses.per_class("multi_label", name, getattr(self, name), num_classes)


def best_threshold(truth: np.ndarray, scores: np.ndarray) -> float:
    """The threshold with the highest F1 on these samples; it equals none of their scores.

    All thresholds between two neighbouring scores give the same decisions. Of them 0.5 is tried where it lies between
    the scores, else the middle. Of several with the same F1 the nearest to 0.5 is returned, of two the lower.

    Args:
        truth: (N,) in {0, 1}; without a positive the result is 0.5.
        scores: (N,) in [0, 1].

    Source: Lipton et al. 2014, arXiv:1402.1892, on thresholds that maximise F1 and on their unreliability where a
        label has few positives.
    """
    if not truth.any() or not np.isfinite(scores).all():
        return DEFAULT_THRESHOLD
    upper, position = np.unique(scores.astype(np.float64), return_inverse=True)
    lower = np.concatenate([[0.0], upper[:-1]])
    hits = np.cumsum(np.bincount(position, weights=truth)[::-1])[::-1]  # positives at this score or above
    decided = np.cumsum(np.bincount(position)[::-1])[::-1]
    f1 = 2 * hits / (decided + truth.sum())
    inside = (lower < DEFAULT_THRESHOLD) & (upper >= DEFAULT_THRESHOLD)
    thresholds = np.where(inside, DEFAULT_THRESHOLD, (lower + upper) / 2)
    best = thresholds[f1 >= f1.max() - 1e-12]
    return float(best[np.abs(best - DEFAULT_THRESHOLD).argmin()])
