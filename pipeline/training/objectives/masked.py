"""Masked reconstruction: a vision transformer sees some patches of a picture; a light decoder predicts the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, final

import torch
from annotated_types import Ge, Interval, MultipleOf
from torch import Tensor, nn
from torch.nn.functional import unfold

from pipeline.core.batches import ToTensor
from pipeline.core.errors import UserError
from pipeline.core.objective_contracts import Objective, Pretext
from pipeline.core.ranges import PositiveInt
from pipeline.training.objectives.masked_autoencoder import MaskedAutoencoder, choose_visible

if TYPE_CHECKING:
    from timm.models.vision_transformer import VisionTransformer

VARIANCE_FLOOR = 1e-6  # added to the variance of a patch, as in the paper's code


@final
@dataclass(frozen=True, kw_only=True)
class MaskedPatches(Pretext):
    """Masked autoencoder: the encoder computes the visible patches alone, and the decoder predicts the hidden ones.

    Args:
        ratio: Share of the patches that are hidden, above 0 and below 1; the nearest whole number of them.
        decoder_dim: Length of the decoder's tokens, a multiple of 4 and of `decoder_heads`.
        decoder_depth: Transformer blocks of the decoder, at least 1.
        decoder_heads: Attention heads of each of these blocks, at least 1.
        normalise: Whether a patch is predicted less its mean, over its standard deviation.

    Source: He et al. 2021, arXiv:2111.06377.
    """

    ratio: Annotated[float, Interval(gt=0, lt=1)]
    decoder_dim: Annotated[int, Ge(4), MultipleOf(4)]
    decoder_depth: PositiveInt
    decoder_heads: PositiveInt
    normalise: bool

    spatial_rank = 2
    divisible = True

    def __post_init__(self) -> None:
        if self.decoder_dim % self.decoder_heads:
            raise ValueError(
                f"decoder_dim must be a multiple of decoder_heads, got {self.decoder_dim} and {self.decoder_heads}"
            )

    def objective(self, encoder: nn.Module, shape: tuple[int, ...]) -> PatchError:
        height, width = shape[-2:]
        rows, columns = _patch_size(_transformer(encoder))
        if height % rows or width % columns:
            raise UserError(
                f"objective=masked takes whole patches of {rows} x {columns} pixels, found pictures of {height} x "
                f"{width}; set image_size to a multiple of {rows}, or encoder.options.patch_size"
            )
        grid = (height // rows, width // columns)
        number = grid[0] * grid[1]
        visible = number - round(self.ratio * number)
        if not 0 < visible < number:
            raise UserError(
                f"objective.ratio={self.ratio:g} leaves {visible} of the {number} patches of a picture of {height} x "
                f"{width} pixels visible, where some must be visible and some hidden; set ratio=0.75, or a larger "
                "image_size"
            )
        network = MaskedAutoencoder(
            encoder, grid, visible, dim=self.decoder_dim, depth=self.decoder_depth, num_heads=self.decoder_heads
        )
        return PatchError(network, self.normalise)

    def make_rows(
        self, stored: Tensor, keys: Tensor, view: ToTensor, transform: ToTensor, generator: torch.Generator
    ) -> tuple[Tensor, ...]:
        """(R, 4, H, W) pictures with random numbers as their fourth channel, which rank the patches; and the same."""
        clean = transform(view(stored))
        rows = torch.cat([clean, torch.rand(clean[:, :1].shape, generator=generator)], dim=1)
        return rows, rows


def _transformer(encoder: nn.Module) -> VisionTransformer:
    """The encoder's transformer, whose patches are tokens of their own until they are pooled."""
    from timm.layers import PatchEmbed
    from timm.models.vision_transformer import VisionTransformer

    body = getattr(encoder, "body", None)
    if (
        not isinstance(body, VisionTransformer)
        or type(body).forward_features is not VisionTransformer.forward_features
        or type(body.patch_embed) is not PatchEmbed
        or body.attn_pool is not None
    ):
        name = getattr(encoder, "recipe", ("", type(encoder).__name__))[1]
        raise UserError(
            f"objective=masked hides patches from a plain vision transformer, and the encoder is of another kind "
            f"({name}); set encoder=vit_tiny or encoder=vit_base, or objective=inpaint, which takes any encoder"
        )
    return body


def _patch_size(body: VisionTransformer) -> tuple[int, int]:
    """Height and width of a patch in pixels."""
    rows, columns = body.patch_embed.patch_size
    return int(rows), int(columns)


@final
class PatchError(nn.Module, Objective):
    """The mean squared error of the patches that the encoder did not see.

    Args:
        network: Pictures to predicted patches.
        normalise: Whether a patch is predicted less its mean, over its standard deviation.
    """

    def __init__(self, network: MaskedAutoencoder, normalise: bool):
        super().__init__()
        self.network: nn.Module = network
        self.patch, self.visible, self.normalise = network.patch, network.visible, normalise

    def loss(self, outputs: Tensor, *facts: Tensor) -> Tensor:
        (rows,) = facts
        targets = unfold(rows[:, :3], self.patch, stride=self.patch).transpose(1, 2)
        if self.normalise:
            variance, mean = torch.var_mean(targets, dim=2, keepdim=True)
            targets = (targets - mean) / (variance + VARIANCE_FLOOR).sqrt()
        errors = (outputs.view_as(targets) - targets).square().mean(dim=2)
        seen = choose_visible(rows, self.patch, self.visible)
        hidden = torch.ones_like(errors).scatter(1, seen, 0.0)
        return (errors * hidden).sum(dim=1).mean() / (errors.shape[1] - self.visible)
