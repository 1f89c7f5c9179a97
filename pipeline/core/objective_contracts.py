"""The nouns of what training minimises: an objective, and the choices behind that of a pretraining."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from pipeline.core.batches import ToTensor

Positives = Literal["view", "group", "class"]


class Objective(ABC):
    """A `network` and the loss that training minimises; a module, whose buffers are part of a checkpoint."""

    network: nn.Module

    @abstractmethod
    def loss(self, outputs: Tensor, *facts: Tensor) -> Tensor:
        """A scalar, of the (B, D) float32 outputs of the network, and B rows each of what else a batch holds."""

    def after_step(self) -> None:  # noqa: B027 - few have to do anything
        """What follows each step of the optimiser: a teacher's weights move after the network's, for instance."""

    def epoch_figures(self) -> dict[str, float]:
        """What the objective measured during the epoch that ends now, for its row in reports/pretrain.csv."""
        return {}


class Pretext(ABC):
    """What an encoder learns before it is trained for the labels; the choices behind an `Objective` (conf/objective/).

    Attributes:
        trains: False hands the encoder through as it is.
        num_views: Rows of a batch that each picture gives, at least 1: picture 0 gives the first `num_views` rows.
        divisible: Whether the loss of a batch is the mean of the losses of its parts.
        restores_views: Whether views are turned back into their pictures: there must be some, and none may move pixels.
        positives: Which rows of a batch belong together, by equal keys: `view`, those of one picture; `group`, those of
            one group, of which each view may show another picture; `class`, those of one class, of labelled pictures
            only; of several labels, those with the same ones.
    """

    spatial_rank: ClassVar[int | None] = None
    trains: ClassVar[bool] = True
    num_views: ClassVar[int] = 1
    divisible: ClassVar[bool] = False
    restores_views: ClassVar[bool] = False
    positives: Positives = "view"

    @abstractmethod
    def objective(self, encoder: nn.Module, shape: tuple[int, ...]) -> Objective:
        """The objective before its first step; torch's global generator samples the weights of what it adds.

        Args:
            encoder: An `Encoder`; a module below the network of the objective, which training changes in place.
            shape: (3, *spatial) of what the encoder takes.

        Raises:
            UserError: The encoder does not fit.
        """

    @abstractmethod
    def make_rows(
        self, stored: Tensor, keys: Tensor, view: ToTensor, transform: ToTensor, generator: torch.Generator
    ) -> tuple[Tensor, ...]:
        """The rows of a batch: what the network takes, then what `Objective.loss` takes.

        Args:
            stored: (R, C, *spatial) uint8, the pictures of R rows.
            keys: (R,) int64; equal for rows that belong together.
            view: A random view of each: uint8 to uint8.
            transform: Of the encoder: (R, C, *spatial) uint8 to (R, 3, *spatial) float32.
            generator: Of all that is random here.
        """
