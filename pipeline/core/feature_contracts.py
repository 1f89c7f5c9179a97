"""Contracts about features: a predictor that gives them, and how far they are from those of train."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.core.contracts import Predictor

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class FeaturePredictor(Predictor):
    """A predictor that decides by features of the pictures."""

    @abstractmethod
    def predict_with_features(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N, *spatial, C) uint8 to (N, K) scores, as `predict` gives them, and (N, D) float32 features."""


class FeatureDistance(ABC):
    """How far features are from those of train; a dataclass."""

    @abstractmethod
    def fit(self, features: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """What `measure` needs, of a size that does not grow with train.

        Args:
            features: (N, D) float32 of pictures of train, at least two.
            targets: (N, K) in {0, 1}.
        """

    @abstractmethod
    def measure(self, features: Tensor, fitted: Mapping[str, Tensor]) -> Tensor:
        """(N, D) float32 features to (N,) float32 distances, at least 0; ONNX can express it."""
