"""One label per sample, out of two or more classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, final

import numpy as np
from annotated_types import Ge, Interval

from pipeline.core.contracts import Task
from pipeline.core.errors import UserError
from pipeline.core.labels import to_matrix
from pipeline.core.ranges import PositiveFloat
from pipeline.training.tasks import losses

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True, kw_only=True)
class SingleLabel(Task):
    """Softmax and cross-entropy; the class with the highest score is predicted.

    Options for unequal classes change what a score means. With `class_weights` it is the probability of a class if the
    frequency of each class were multiplied by its weight, with `logit_adjustment: 1` if all classes were equally
    frequent; the log loss weights samples the same way. With neither it is the probability among samples like those of
    train, also with focal loss. Label smoothing e pulls a probability p towards 1 / K: the score is (1 - e) p + e / K.
    That is not undone: a score below e / K has no p, and smoothing makes a network less overconfident on new pictures
    (Mueller et al. 2019, arXiv:1906.02629).

    Args:
        label_smoothing: Share of the target that is spread evenly over all classes, 0 to below 1 (Szegedy et al. 2016,
            arXiv:1512.00567).
        class_weights: `none`; `balanced`, n / (K n_k) of train; `effective`, by the effective number of samples (Cui et
            al. 2019, arXiv:1901.05555).
        beta: Parameter of the effective number, between 0 and 1: near 0 all weights are equal, near 1 they are those of
            `balanced`.
        max_class_weight: Weights are clipped to 1 / this and this, at least 1.
        focal_gamma: How strongly the loss of well-classified samples is reduced: 0 (not at all), or 1 to 10; 2 in the
            paper (Lin et al. 2017, arXiv:1708.02002).
        logit_adjustment: tau, 0 to 10; 1 in the paper. The loss adds tau x log(class frequency) to the logits (Menon et
            al. 2021, arXiv:2007.07314, equation 10).
        weights: Set by `fit_class_weights`, one per class; null is 1 for each.
        prior: Set by `fit_class_weights`: the share of each class in train; null where `logit_adjustment` is 0.
    """

    exclusive: ClassVar[bool] = True
    label_smoothing: Annotated[float, Interval(ge=0, lt=1)]
    class_weights: losses.Weighing = "none"
    beta: Annotated[float, Interval(gt=0, lt=1)] = 0.999
    max_class_weight: Annotated[float, Ge(1)] = 20.0
    focal_gamma: losses.FocalGamma = 0.0
    logit_adjustment: Annotated[float, Interval(ge=0, le=10)] = 0.0
    weights: list[PositiveFloat] | None = None
    prior: list[Annotated[float, Interval(gt=0, lt=1)]] | None = None

    def targets(self, labels: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
        for names in labels:
            if len(names) != 1:
                raise UserError(
                    f"task single_label takes one label per sample, found {list(names)}; use task=multi_label"
                )
        return to_matrix(labels, classes)

    def fit_class_weights(self, targets: np.ndarray) -> SingleLabel:
        sizes = targets.sum(axis=0, dtype=np.float64)
        weights = losses.class_weights(sizes, self.class_weights, self.beta)
        weights = np.clip(weights, 1 / self.max_class_weight, self.max_class_weight)
        prior = np.maximum(sizes, 1) / np.maximum(sizes, 1).sum()  # a class that train lacks counts as one sample
        return replace(
            self,
            weights=None if self.class_weights == "none" else weights.tolist(),
            prior=prior.tolist() if self.logit_adjustment and len(sizes) > 1 else None,
        )

    def fit_thresholds(self, targets: np.ndarray, scores: np.ndarray) -> SingleLabel:
        return self

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        weights = None if self.weights is None else logits.new_tensor(self._per_class("weights", logits.shape[1]))
        shift = self._shift(logits)
        shifted = logits if shift is None else logits + shift
        return losses.softmax_loss(shifted, targets, weights, self.focal_gamma, self.label_smoothing)

    def probabilities(self, logits: Tensor) -> Tensor:
        return losses.of_softmax(logits, self._shift(logits), self.focal_gamma)

    def log_loss(self, targets: np.ndarray, scores: np.ndarray) -> float:
        class_weights = np.ones(targets.shape[1])
        if self.weights is not None:
            class_weights = class_weights * self._per_class("weights", targets.shape[1])
        if self.prior is not None:
            class_weights = class_weights * np.power(self._per_class("prior", targets.shape[1]), -self.logit_adjustment)
        sample_weights = targets @ class_weights
        true_scores = (targets * scores).sum(axis=1)
        return float((-np.log(np.clip(true_scores, 1e-7, 1)) * sample_weights).sum() / sample_weights.sum())

    def decide(self, scores: np.ndarray) -> np.ndarray:
        decided = np.zeros(scores.shape, dtype=bool)
        if len(scores):
            decided[np.arange(len(scores)), scores.argmax(axis=1)] = True
        return decided

    def _shift(self, logits: Tensor) -> Tensor | None:
        """(K,) numbers that the loss adds to the logits; None for none."""
        if self.prior is None:
            return None
        return logits.new_tensor(self._per_class("prior", logits.shape[1])).log() * self.logit_adjustment

    def _per_class(self, name: str, num_classes: int) -> list[float]:
        return losses.per_class("single_label", name, getattr(self, name), num_classes)
