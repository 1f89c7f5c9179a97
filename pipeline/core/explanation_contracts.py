"""The nouns of explanation, one abstract class each: a further page of `contracts`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor, nn


class Explainable(ABC):
    """A `Predictor` of pictures, as a module of torch."""

    @abstractmethod
    def to_module(self) -> nn.Module:
        """(B, 3, H, W) float32 pictures after the transform to (B, K) float32 logits."""

    @abstractmethod
    def randomise(self, pictures: Tensor, seed: int) -> nn.Module:
        """The same module without what training learned: random numbers take the place of it.

        Args:
            pictures: (B, 3, H, W), of which layers that normalise take their means and spreads.
            seed: Of the random numbers.
        """


class Attribution(ABC):
    """How much each place of a picture speaks for a class; `explains` says whether it computes anything."""

    explains: ClassVar[bool] = True

    @abstractmethod
    def __call__(self, model: nn.Module, pictures: Tensor, classes: Tensor) -> Tensor:
        """(B, H, W) float32 maps: above 0 where the picture speaks for the class, below 0 where against it.

        Args:
            model: (B, 3, H, W) pictures to (B, K) outputs, the larger the more likely is the class.
            pictures: (B, 3, H, W) float32, after the transform.
            classes: (B,) int64, the class of each that is explained.

        Raises:
            UserError: The method needs what this model lacks; the message names another one.
        """
