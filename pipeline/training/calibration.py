"""Calibration of logits on samples that the model was not trained on."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

Calibration = Literal["none", "temperature", "sigmoid"]
# standard deviation of the prior on log slope and offsets: it counts about as much as one sample, and bounds both
# where val is poor
SPREAD = 3.0
MAX_STEPS = 200


def calibrate(
    logits: np.ndarray, targets: np.ndarray, exclusive: bool, kind: Calibration
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and offsets, (K,) each, for which slope x logit + offset has the lowest log loss.

    `temperature` fits a slope, `sigmoid` also an offset: with two classes that is Platt scaling, with more it is
    temperature scaling with a bias for each class. Exclusive classes share one slope; otherwise each label has its
    own. A slope is above 0, so the order of samples within a class stays what it was.

    Args:
        logits: (N, K).
        targets: (N, K) in {0, 1}.
        exclusive: Whether each sample has exactly one label.
        kind: What is fitted; `none` returns slopes of 1 and offsets of 0.

    Source: Platt 1999, Probabilistic outputs for support vector machines; Guo et al. 2017, arXiv:1706.04599; the bias,
        Alexandari et al. 2020, arXiv:1901.06852.
    """
    num_classes = logits.shape[1]
    if kind == "none":
        return np.ones(num_classes), np.zeros(num_classes)
    inputs, truth = torch.from_numpy(logits).double(), torch.from_numpy(targets).double()
    sharpness = torch.zeros(1 if exclusive else num_classes, dtype=torch.float64, requires_grad=True)
    offsets = torch.zeros(num_classes, dtype=torch.float64, requires_grad=kind == "sigmoid")
    fitted = [one for one in (sharpness, offsets) if one.requires_grad]
    optimiser = torch.optim.LBFGS(fitted, max_iter=MAX_STEPS, line_search_fn="strong_wolfe")
    loss = cross_entropy if exclusive else binary_cross_entropy_with_logits

    def step() -> torch.Tensor:
        optimiser.zero_grad()
        value = loss(inputs * sharpness.exp() + offsets, truth, reduction="sum")
        value = value + sum((one**2).sum() for one in fitted) / (2 * SPREAD**2)
        value.backward()
        return value

    optimiser.step(step)
    slopes = sharpness.detach().exp().expand(num_classes)
    return slopes.numpy().copy(), offsets.detach().numpy().copy()
