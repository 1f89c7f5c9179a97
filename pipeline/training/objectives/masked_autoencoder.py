"""A vision transformer that sees some patches of a picture, and a light one that predicts all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from timm.models.vision_transformer import VisionTransformer

CHANNELS = 3
SPREAD = 0.02  # standard deviation of the mask token's initial values, as of a transformer's other tokens


class MaskedAutoencoder(nn.Module):
    """(B, 4, H, W) pictures with random numbers as fourth channel to (B, L x 3 x patch) pixels of all L patches.

    Pixels of a patch are in the order of `torch.nn.functional.unfold`. The encoder's own modules compute its tokens, in
    the order of its own `forward_features`; mask tokens exist in the decoder alone.

    Args:
        encoder: Whose `body` is a `VisionTransformer` of timm.
        grid: Patches down and across.
        visible: Patches of each picture that the encoder sees, at least 1.
        dim: Length of the decoder's tokens, a multiple of 4 and of `num_heads`.
        depth: Transformer blocks of the decoder.
        num_heads: Attention heads of each of these blocks.
    """

    def __init__(self, encoder: nn.Module, grid: tuple[int, int], visible: int, dim: int, depth: int, num_heads: int):
        super().__init__()
        from timm.layers.pos_embed_sincos import build_sincos2d_pos_embed
        from timm.models.vision_transformer import Block

        self.encoder, self.visible = encoder, visible
        body = self._body
        rows, columns = body.patch_embed.patch_size
        self.patch = (int(rows), int(columns))
        self.embed = nn.Linear(int(body.embed_dim), dim)
        self.mask_token = nn.Parameter(SPREAD * torch.randn(1, 1, dim))
        self.register_buffer("places", build_sincos2d_pos_embed(list(grid), dim)[None], persistent=False)
        self.blocks = nn.Sequential(*(Block(dim, num_heads, qkv_bias=True) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, self.patch[0] * self.patch[1] * CHANNELS)

    @property
    def _body(self) -> VisionTransformer:
        return cast("VisionTransformer", self.encoder.body)

    def no_weight_decay(self) -> set[str]:
        """As timm's transformers name their tokens."""
        return {"mask_token"}

    def forward(self, x: Tensor) -> Tensor:
        seen = choose_visible(x, self.patch, self.visible)
        tokens = self.embed(self.encode(x[:, :CHANNELS], seen))
        first = self._body.num_prefix_tokens
        places = cast(Tensor, self.places)
        patches = self.mask_token.to(tokens.dtype).expand(len(x), places.shape[1], -1)
        patches = patches.scatter(1, _along(seen, tokens), tokens[:, first:]) + places
        decoded = self.norm(self.blocks(torch.cat([tokens[:, :first].to(patches.dtype), patches], dim=1)))
        pixels: Tensor = self.head(decoded[:, first:])
        return pixels.flatten(1)

    def encode(self, pictures: Tensor, seen: Tensor) -> Tensor:
        """(B, prefix + V, D) tokens of the encoder that sees these patches of each picture alone.

        Args:
            pictures: (B, 3, H, W).
            seen: (B, V) positions of patches, row by row.
        """
        body: Any = self._body
        tokens = body._pos_embed(body.patch_embed(pictures))
        prefix, patches = tokens[:, : body.num_prefix_tokens], tokens[:, body.num_prefix_tokens :]
        tokens = torch.cat([prefix, patches.gather(1, _along(seen, patches))], dim=1)
        encoded: Tensor = body.fc_norm(body.norm(body.blocks(body.norm_pre(tokens))))  # one of the two is the identity
        return encoded


def choose_visible(rows: Tensor, patch: tuple[int, int], number: int) -> Tensor:
    """(B, number) positions, row by row, of the patches with the smallest random numbers, in ascending order.

    Args:
        rows: (B, 4, H, W); the fourth channel has random numbers, of which the first of each patch ranks it.
        patch: Height and width of a patch in pixels.
        number: Of patches.
    """
    ranks = rows[:, CHANNELS, :: patch[0], :: patch[1]].flatten(1)
    return ranks.argsort(dim=1, stable=True)[:, :number].sort(dim=1).values


def _along(positions: Tensor, tokens: Tensor) -> Tensor:
    """(B, V) positions as an index of (B, L, D) tokens."""
    return positions[..., None].expand(-1, -1, tokens.shape[2])
