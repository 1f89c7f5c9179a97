"""Losses for unequal classes, and the probabilities that belong to the logits of a network trained with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import Interval

from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

Weighing = Literal["none", "balanced", "effective"]
FocalGamma = Literal[0] | Annotated[float, Interval(ge=1, le=10)]  # below 1 the slope is infinite at a probability of 1


def class_weights(sizes: np.ndarray, how: Weighing, beta: float) -> np.ndarray:
    """(K,) weight of each class in the loss, from (K,) numbers of samples; 1 for a class without any.

    `balanced` is n / (K n_k), so that the mean weight of a sample is 1 (as in scikit-learn). `effective` is
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
    classes, and the weight of its absence is 1.

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
    """(1 - beta^n) / (1 - beta), 1 to n: the number of distinct samples among n that overlap (Cui et al. 2019)."""
    return np.asarray(-np.expm1(sizes * np.log(beta)) / (1 - beta))


def softmax_loss(logits: Tensor, targets: Tensor, weights: Tensor | None, gamma: float, smoothing: float) -> Tensor:
    """Mean over the batch of -sum over classes of w t (1 - p)^gamma log p; with gamma 0, torch's cross-entropy.

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

    With gamma 0 it is torch's binary cross-entropy, else torchvision's focal loss of presence and of absence, each
    multiplied by its target: the loss of a mixed target is the mix of the losses.

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
    """(B, K) probabilities of classes, from logits trained with `softmax_loss`, to which the loss adds the shift.

    The shift is left out: with the log frequencies of the classes as the shift, the result holds for equally frequent
    classes. With weights in the loss it holds for classes whose frequencies are in proportion to frequency x weight.

    Source: Menon et al. 2021, arXiv:2007.07314.
    """
    if not gamma:
        return logits.softmax(dim=1)
    double = logits.double()
    added = double.new_zeros(logits.shape[1]) if shift is None else shift.double()
    return (_unfocus((double + added).log_softmax(dim=1), gamma) - added).softmax(dim=1).to(logits.dtype)


def of_sigmoid(logits: Tensor, weights: Tensor | None, gamma: float) -> Tensor:
    """(B, K) probabilities of labels at their frequencies in train, from logits trained with `sigmoid_loss`.

    Source: the shift by weights follows from the minimum of the weighted loss, p w / (p w + 1 - p); Elkan 2001, The
        Foundations of Cost-Sensitive Learning, theorem 2; Saerens et al. 2002, doi:10.1162/089976602753284446.
    """
    from torch.nn.functional import logsigmoid

    log_odds = logits.double()
    if gamma:
        log_odds = _unfocus(logsigmoid(log_odds), gamma) - _unfocus(logsigmoid(-log_odds), gamma)
    if weights is not None:
        log_odds = log_odds - weights.double().log()
    return log_odds.sigmoid().to(logits.dtype)


def _unfocus(log_scores: Tensor, gamma: float) -> Tensor:
    """log(v / phi(v)) with phi(v) = (1 - v)^gamma - gamma (1 - v)^(gamma - 1) v log v, to be normalised.

    The scores with the lowest focal loss are less extreme than the probabilities; this maps them back. The order of
    classes stays the same.

    Source: Charoenphakdee et al. 2021, arXiv:2011.09172; v / phi(v) is where the derivative of the expected loss is 0.
    """
    score = log_scores.exp()
    missing = (-log_scores.expm1()).clamp(min=1e-16)
    return log_scores - (gamma - 1) * missing.log() - (missing - gamma * score * log_scores).clamp(min=1e-16).log()


def per_class(task: str, name: str, values: list[float], num_classes: int) -> list[float]:
    """The values, one per class.

    Raises:
        UserError: They belong to another number of classes.
    """
    if len(values) != num_classes:
        raise UserError(f"task {task} has {len(values)} {name} for {num_classes} classes; run dvc repro train")
    return values
