"""Occlusion: how far the output falls when a part of the picture is covered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, final

from annotated_types import Interval

from pipeline.core.evaluation_contracts import Attribution
from pipeline.core.ranges import PositiveInt

if TYPE_CHECKING:
    from torch import Tensor, nn


@final
@dataclass(frozen=True, kw_only=True)
class Occlusion(Attribution):
    """A square moves over the picture and covers it with the mean colour of the picture; captum's Occlusion.

    It needs no gradients, so it explains every model of pictures. Of a clip or volume it covers as many frames or slices
    as `window` says, and goes on by as many.

    Args:
        window: Side of the square, as a share of the side of the picture, above 0.
        stride: By how much the square moves, as a share of the side; no more than `window`.
        batch_size: Covered pictures per forward pass, at least 1.

    Source: Zeiler and Fergus 2014, arXiv:1311.2901.
    """

    title = "occlusion"
    window: Annotated[float, Interval(gt=0, le=1)]
    stride: Annotated[float, Interval(gt=0, le=1)]
    batch_size: PositiveInt

    def __post_init__(self) -> None:
        if self.stride > self.window:
            raise ValueError(
                f"stride {self.stride} is larger than window {self.window}: places between would never be covered; "
                "set stride to window or less"
            )

    def __call__(self, model: nn.Module, pictures: Tensor, classes: Tensor) -> Tensor:
        import captum.attr

        sides = pictures.shape[2:]
        mean = pictures.mean(dim=tuple(range(2, pictures.ndim)), keepdim=True).expand_as(pictures)
        window, stride = (tuple(max(1, round(share * side)) for side in sides) for share in (self.window, self.stride))
        stride = (*window[:-2], *stride[-2:])  # along frames and slices each place is covered once
        maps: Tensor = captum.attr.Occlusion(model).attribute(
            pictures,
            sliding_window_shapes=(3, *window),
            strides=(3, *stride),
            baselines=mean,
            target=classes,
            perturbations_per_eval=max(1, self.batch_size // len(pictures)),
        )
        return maps.mean(dim=1).float()
