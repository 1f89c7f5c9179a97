"""Inpainting: a part of the picture is cut out, and a decoder fills it in from the features of the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, final

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.nn.functional import interpolate

from pipeline.core.batches import ToTensor
from pipeline.core.errors import UserError
from pipeline.core.objective_contracts import Objective, Pretext
from pipeline.core.ranges import Fraction, PositiveInt
from pipeline.training.objectives.decoder import Reconstruction, weighted_error

PATCHES = 4  # random numbers along each side of a picture, between which those of `patches` are interpolated


@final
@dataclass(frozen=True, kw_only=True)
class Inpainting(Pretext):
    """Context encoder: what was cut out is filled in from one feature vector of the rest of the picture.

    Each picture loses the same number of pixels, in all channels; the mean colour of the rest takes their place.

    Args:
        share: Of the picture's area that is cut out, above 0 and below 1; squares have whole sides, the nearest ones.
        form: `centre`: the square in the middle; `square`: a square at a random place; `patches`: random patches with
            curved edges.
        rest_weight: Weight of the error of a pixel that was not cut out, 0 to 1; those cut out have 1.
        width: Channels of the decoder's last hidden layer, at least 1.

    Source: Pathak et al. 2016, arXiv:1604.07379; without the adversarial loss, which is for the look of the pictures.
    """

    share: Annotated[float, Interval(gt=0, lt=1)]
    form: Literal["centre", "square", "patches"]
    rest_weight: Fraction
    width: PositiveInt

    spatial_rank = 2
    divisible = True

    def objective(self, encoder: nn.Module, shape: tuple[int, ...]) -> FillIn:
        network = Reconstruction(encoder, shape, self.width)
        hidden, pixels = self._num_hidden(shape[-2], shape[-1]), shape[-2] * shape[-1]
        if not 0 < hidden < pixels:
            raise UserError(
                f"objective.share={self.share:g} cuts out {'nothing' if not hidden else 'everything'} of pictures of "
                f"{shape[-2]} x {shape[-1]} pixels; set a {'larger' if not hidden else 'smaller'} share, such as 0.25"
            )
        return FillIn(network, self.rest_weight)

    def make_rows(
        self, stored: Tensor, keys: Tensor, view: ToTensor, transform: ToTensor, generator: torch.Generator
    ) -> tuple[Tensor, ...]:
        clean = transform(view(stored))
        hidden = self.make_masks(len(clean), clean.shape[-2], clean.shape[-1], generator)
        visible = (~hidden)[:, None].float()
        mean = (clean * visible).sum(dim=(2, 3), keepdim=True) / visible.sum(dim=(2, 3), keepdim=True)
        return torch.where(hidden[:, None], mean, clean), clean, hidden

    def make_masks(self, number: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """(number, height, width) bool: the pixels that are cut out, equally many of each picture."""
        if self.form == "patches":
            return _patches(number, height, width, self._num_hidden(height, width), generator)
        side = math.isqrt(self._num_hidden(height, width))
        rooms = torch.tensor([[height - side], [width - side]])
        if self.form == "centre":
            corners = (rooms // 2).expand(2, number)
        else:
            corners = (torch.rand(2, number, generator=generator) * (rooms + 1)).long().minimum(rooms)
        top, left = corners[..., None]
        rows, columns = torch.arange(height), torch.arange(width)
        inside: Tensor = ((rows >= top) & (rows < top + side))[:, :, None]
        return inside & ((columns >= left) & (columns < left + side))[:, None, :]

    def _num_hidden(self, height: int, width: int) -> int:
        """Pixels that are cut out of each picture."""
        if self.form == "patches":
            return round(self.share * height * width)
        return int(min(round(math.sqrt(self.share * height * width)), height, width) ** 2)


def _patches(number: int, height: int, width: int, hidden: int, generator: torch.Generator) -> Tensor:
    """(number, height, width) bool: of smooth random numbers of each picture, where the `hidden` largest are."""
    coarse = torch.rand(number, 1, PATCHES, PATCHES, generator=generator)
    smooth = interpolate(coarse, size=(height, width), mode="bicubic", align_corners=True).flatten(1)
    masks = torch.zeros(smooth.shape, dtype=torch.bool)
    masks.scatter_(1, smooth.topk(hidden, dim=1).indices, True)
    return masks.view(number, height, width)


@final
class FillIn(nn.Module, Objective):
    """The squared error of the reconstruction, where the picture was cut out, and with a weight elsewhere.

    Args:
        network: (B, 3, H, W) pictures to (B, 3 x H x W) reconstructions.
        rest_weight: Of the pixels that were not cut out, 0 to 1.
    """

    def __init__(self, network: nn.Module, rest_weight: float):
        super().__init__()
        self.network, self.rest_weight = network, rest_weight

    def loss(self, outputs: Tensor, *facts: Tensor) -> Tensor:
        clean, hidden = facts
        return weighted_error(outputs, clean, torch.where(hidden, 1.0, self.rest_weight))
