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
    """Softmax and cross-entropy; the class with the highest score is decided.

    Options for unequal classes change what a score means: it is the probability of a class if classes were as frequent
    as they weigh in the loss (`class_weights`), or equally frequent (`logit_adjustment: 1`), and the log loss weighs
    samples alike. With neither it is the probability among samples like those of train, with focal loss too. Label
    smoothing e pulls it towards 1 / K: of a probability p the score is (1 - e) p + e / K. That is not undone:
    scores below e / K stand for no p, and on pictures that it has not seen a network is surer than it is right, which
    smoothing lessens (Mueller et al. 2019, arXiv:1906.02629).

    Args:
        label_smoothing: Share of the target spread evenly over all classes, 0 to below 1 (Szegedy et al. 2016,
            arXiv:1512.00567).
        class_weights: `none`; `balanced`, n / (K n_k) of train; `effective`, by the effective number of samples (Cui et
            al. 2019, arXiv:1901.05555).
        beta: Of the effective number, between 0 and 1: 0 would weigh all alike, towards 1 it is as `balanced`.
        max_class_weight: Weights are kept between 1 / this and this, at least 1.
        focal_gamma: How much a sample that is recognised already counts less: 0 (not at all), or 1 to 10; 2 in the
            paper (Lin et al. 2017, arXiv:1708.02002).
        logit_adjustment: tau, the logarithm of the classes' frequencies is added to the logits in the loss tau times, 0
            to 10; 1 in the paper (Menon et al. 2021, arXiv:2007.07314, equation 10).
        weights: Learnt by `fit_class_weights`, one per class; null is 1 for each.
        prior: Learnt by `fit_class_weights`: the share of each class in train; null where `logit_adjustment` is 0.
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
        worth = np.ones(targets.shape[1])
        if self.weights is not None:
            worth = worth * self._per_class("weights", targets.shape[1])
        if self.prior is not None:
            worth = worth * np.power(self._per_class("prior", targets.shape[1]), -self.logit_adjustment)
        of_sample = targets @ worth
        of_truth = (targets * scores).sum(axis=1)
        return float((-np.log(np.clip(of_truth, 1e-7, 1)) * of_sample).sum() / of_sample.sum())

    def decide(self, scores: np.ndarray) -> np.ndarray:
        decided = np.zeros(scores.shape, dtype=bool)
        if len(scores):
            decided[np.arange(len(scores)), scores.argmax(axis=1)] = True
        return decided

    def _shift(self, logits: Tensor) -> Tensor | None:
        """(K,) what the loss adds to the logits."""
        if self.prior is None:
            return None
        return logits.new_tensor(self._per_class("prior", logits.shape[1])).log() * self.logit_adjustment

    def _per_class(self, name: str, num_classes: int) -> list[float]:
        return losses.per_class("single_label", name, getattr(self, name), num_classes)
