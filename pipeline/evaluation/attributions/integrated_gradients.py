"""Integrated gradients: how the output grows from a picture of one colour to the picture, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from pipeline.core.evaluation_contracts import Attribution
from pipeline.core.ranges import PositiveInt
from pipeline.evaluation.attributions.gradients import refuse_without_gradients

if TYPE_CHECKING:
    from torch import Tensor, nn


@final
@dataclass(frozen=True, kw_only=True)
class IntegratedGradients(Attribution):
    """Gradients along the straight way from the mean colour of the picture to the picture; captum's.

    The values of a map add up to the difference of the two outputs.

    Args:
        num_steps: Pictures on the way, at least 1.
        batch_size: Pictures per forward and backward pass, at least 1.

    Source: Sundararajan, Taly and Yan 2017, arXiv:1703.01365.
    """

    title = "integrated gradients"
    num_steps: PositiveInt
    batch_size: PositiveInt

    def __call__(self, model: nn.Module, pictures: Tensor, classes: Tensor) -> Tensor:
        import captum.attr

        refuse_without_gradients(model, pictures, "integrated_gradients")
        mean = pictures.mean(dim=tuple(range(2, pictures.ndim)), keepdim=True).expand_as(pictures)
        maps: Tensor = captum.attr.IntegratedGradients(model).attribute(
            pictures,
            baselines=mean,
            target=classes,
            n_steps=self.num_steps,
            internal_batch_size=max(self.batch_size, len(pictures)),
        )
        return maps.sum(dim=1).detach().float()
