"""Formulas of losses for unequal classes, and of the probabilities that the answers of such a network stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import Interval

from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

Weighing = Literal["none", "balanced", "effective"]
FocalGamma = Literal[0] | Annotated[float, Interval(ge=1, le=10)]  # below 1 the slope is infinite at a sure answer


def class_weights(sizes: np.ndarray, how: Weighing, beta: float) -> np.ndarray:
    """(K,) weight of each class in the loss, from (K,) numbers of samples; 1 for a class without any.

    `balanced` is n / (K n_k), with which the mean weight of a sample is 1 (as in scikit-learn). `effective` is
    (1 - beta) / (1 - beta^n_k), scaled to sum to K. Classes that do not occur do not count in K.

    Source: Cui et al. 2019, arXiv:1901.05555, for `effective`.
    """
    known = sizes > 0
    weights = np.ones(len(sizes))
    if how == "none" or not known.any():
        return weights
    raw = sizes[known].sum() / (known.sum() * sizes[known])
    if how == "effective":
        raw = 1 / effective_number(sizes[known], beta)
        raw *= known.sum() / raw.sum()
    weights[known] = raw
    return weights


def positive_weights(positives: np.ndarray, num: int, how: Weighing, beta: float) -> np.ndarray:
    """(K,) weight of a label's presence against its absence; 1 where train has one side only.

    `balanced` is negatives / positives, `effective` the same ratio of effective numbers: each label is a problem of two
    classes, and its absence weighs 1.

    Args:
        positives: (K,) samples with each label.
        num: Samples in all.
    """
    negatives = num - positives
    known = (positives > 0) & (negatives > 0)
    weights = np.ones(len(positives))
    if how == "balanced":
        weights[known] = negatives[known] / positives[known]
    elif how == "effective":
        weights[known] = effective_number(negatives[known], beta) / effective_number(positives[known], beta)
    return weights


def effective_number(sizes: np.ndarray, beta: float) -> np.ndarray:
    """(1 - beta^n) / (1 - beta): n samples that overlap count as so many; between 1 and n (Cui et al. 2019)."""
    return np.asarray(-np.expm1(sizes * np.log(beta)) / (1 - beta))


def softmax_loss(logits: Tensor, targets: Tensor, weights: Tensor | None, gamma: float, smoothing: float) -> Tensor:
    """Mean over the batch of -sum over classes of w t (1 - p)^gamma log p; gamma 0 is cross-entropy, torch's own.

    Args:
        logits: (B, K).
        targets: (B, K) with rows that sum to 1.
        weights: (K,), None for 1.
        gamma: At least 0.
        smoothing: Share of the targets that is spread evenly over all classes.

    Source: Lin et al. 2017, arXiv:1708.02002, equation 5, with softmax instead of sigmoid.
    """
    from torch.nn.functional import cross_entropy

    if not gamma:
        return cross_entropy(logits, targets, weight=weights, label_smoothing=smoothing)
    truth = targets * (1 - smoothing) + smoothing / targets.shape[1]
    log_scores = logits.log_softmax(dim=1)
    missing = (1 - log_scores.exp()).clamp(min=1e-8)  # a power of 0 has no gradient
    losses = -truth * missing**gamma * log_scores
    return (losses if weights is None else losses * weights).sum(dim=1).mean()


def sigmoid_loss(logits: Tensor, targets: Tensor, weights: Tensor | None, gamma: float) -> Tensor:
    """Mean over batch and labels of w t FL(p) + (1 - t) FL(1 - p), with FL(p) = -(1 - p)^gamma log p.

    torch's own binary cross-entropy where gamma is 0, else torchvision's focal loss of presence and of absence, each
    counting by the target: so mixed targets cost what their parts cost.

    Source: Lin et al. 2017, arXiv:1708.02002, equation 5.
    """
    from torch.nn.functional import binary_cross_entropy_with_logits

    if not gamma:
        return binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)
    import torch
    from torchvision.ops import sigmoid_focal_loss

    present, absent = (
        sigmoid_focal_loss(logits, torch.full_like(logits, side), alpha=-1, gamma=gamma) for side in (1.0, 0.0)
    )
    return ((present if weights is None else present * weights) * targets + absent * (1 - targets)).mean()


def of_softmax(logits: Tensor, shift: Tensor | None, gamma: float) -> Tensor:
    """(B, K) probabilities of classes, from logits that, with the shift added, make `softmax_loss` small.

    The shift is not in them: with the logarithm of the classes' frequencies as the shift they are those of classes that
    are equally frequent, and with weights in the loss those of classes that are as frequent as they weigh.

    Source: Menon et al. 2021, arXiv:2007.07314.
    """
    if not gamma:
        return logits.softmax(dim=1)
    double = logits.double()
    added = double.new_zeros(logits.shape[1]) if shift is None else shift.double()
    return (_unfocus((double + added).log_softmax(dim=1), gamma) - added).softmax(dim=1).to(logits.dtype)


def of_sigmoid(logits: Tensor, weights: Tensor | None, gamma: float) -> Tensor:
    """(B, K) probabilities of labels as often as they occur in train, from logits that make `sigmoid_loss` small.

    Source: the shift by weights follows from the minimum of the weighted loss, p w / (p w + 1 - p); Elkan 2001, The
        Foundations of Cost-Sensitive Learning, theorem 2; Saerens et al. 2002, doi:10.1162/089976602753284446.
    """
    from torch.nn.functional import logsigmoid

    found = logits.double()
    if gamma:
        found = _unfocus(logsigmoid(found), gamma) - _unfocus(logsigmoid(-found), gamma)
    if weights is not None:
        found = found - weights.double().log()
    return found.sigmoid().to(logits.dtype)


def _unfocus(log_scores: Tensor, gamma: float) -> Tensor:
    """log(v / phi(v)) with phi(v) = (1 - v)^gamma - gamma (1 - v)^(gamma - 1) v log v, to be normalised.

    The network with the lowest focal loss is less sure than the classes are; this is what its scores stand for. The
    order of classes stays.

    Source: Charoenphakdee et al. 2021, arXiv:2011.09172; v / phi(v) is where the derivative of the expected loss is 0.
    """
    score = log_scores.exp()
    missing = (-log_scores.expm1()).clamp(min=1e-16)
    return log_scores - (gamma - 1) * missing.log() - (missing - gamma * score * log_scores).clamp(min=1e-16).log()


def per_class(task: str, name: str, values: list[float], num_classes: int) -> list[float]:
    """What a task has learnt of each class.

    Raises:
        UserError: It was learnt of other classes.
    """
    if len(values) != num_classes:
        raise UserError(f"task {task} has {len(values)} {name} for {num_classes} classes; run dvc repro train")
    return values
