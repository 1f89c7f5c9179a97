"""Models without what training learned, against which attribution maps are compared.

Source: Adebayo et al. 2018, arXiv:1810.03292.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

MAX_PICTURES = 64  # of which batch normalisation takes means and spreads


def randomise_weights(network: nn.Module, pictures: Tensor, seed: int) -> nn.Module:
    """A copy whose layers have the random weights of a new network; weights outside of layers are permuted.

    Batch normalisation takes its means and spreads from the pictures, as in the first step of a training: with those of
    the trained network, or with none, the output of a deep network would be the same for every picture.

    Args:
        network: Trained.
        pictures: (B, 3, H, W) after the transform, on the device of the network.
        seed: Of the weights.
    """
    device = pictures.device
    copy = deepcopy(network).cpu()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for module in copy.modules():
            reset: Any = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
                continue
            for weights in module.parameters(recurse=False):
                weights.copy_(weights.flatten()[torch.randperm(weights.numel())].view_as(weights))
    copy = copy.to(device).eval()
    _normalise_anew(copy, pictures[:MAX_PICTURES])
    return copy


def _normalise_anew(network: nn.Module, pictures: Tensor) -> None:
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    if not layers or len(pictures) < 2:  # one picture has no spread
        return
    for layer in layers:
        layer.momentum = None  # the mean over all batches, here one
        layer.train()
    with torch.no_grad():
        network(pictures)
    network.eval()


@dataclass(frozen=True, kw_only=True, eq=False)
class PermutedFeatures:
    """A scaling after which the features come in another order, so that an estimator uses others than it was fitted to.

    Attributes:
        scaling: A fitted transformer, or None.
        order: (D,) positions.
    """

    scaling: Any
    order: np.ndarray

    @classmethod
    def of(cls, scaling: Any, num_features: int, seed: int) -> PermutedFeatures:
        """Of a fitted transformer, or None; a random order, and never the one that is there."""
        order = np.random.default_rng(seed).permutation(num_features)
        if (order == np.arange(num_features)).all():
            order = np.roll(order, 1)
        return cls(scaling=scaling, order=order)

    def transform(self, features: np.ndarray) -> np.ndarray:
        """(N, D) features, scaled and in the other order."""
        scaled = features if self.scaling is None else self.scaling.transform(features)
        return np.ascontiguousarray(scaled[:, self.order])
