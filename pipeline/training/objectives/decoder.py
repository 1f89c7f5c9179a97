"""A decoder from feature vectors to pictures, and the error of a reconstruction."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from pipeline.core.errors import UserError

MIN_SIDE = 8  # pixels: below, a linear layer makes the whole picture and no convolution follows
FIRST_SIDE = 4  # the largest side that the linear layer makes
CHANNELS = 3


class Reconstruction(nn.Module):
    """(B, 3, H, W) pictures to (B, 3 x H x W) pictures: the encoder, and a decoder of its features.

    Args:
        encoder: An `Encoder`.
        shape: (3, H, W) of the pictures, each side at least 8 pixels.
        width: Channels of the decoder's last hidden layer, at least 1.

    Raises:
        UserError: The pictures are too small.
    """

    def __init__(self, encoder: nn.Module, shape: tuple[int, ...], width: int):
        super().__init__()
        refuse_small(shape)
        self.encoder = encoder
        self.head = make_decoder(int(cast(int, encoder.feature_dim)), (shape[-2], shape[-1]), width)

    def forward(self, x: Tensor) -> Tensor:
        pictures: Tensor = self.head(self.encoder(x))
        return pictures


def refuse_small(shape: tuple[int, ...]) -> None:
    """Refuses pictures that are smaller than a decoder makes.

    Args:
        shape: (3, *spatial) of a picture.

    Raises:
        UserError: A side is below 8 pixels.
    """
    if min(shape[1:]) < MIN_SIDE:
        raise UserError(
            f"a decoder makes pictures of {MIN_SIDE} x {MIN_SIDE} pixels or more, found "
            f"{' x '.join(map(str, shape[1:]))}; set image_size={MIN_SIDE} or more, or another objective"
        )


def make_decoder(feature_dim: int, size: tuple[int, int], width: int) -> nn.Module:
    """(B, feature_dim) to (B, 3 x H x W): a linear layer, then enlargements, each followed by a convolution.

    Sides are doubled, or doubled less one: 28 pixels are made as 4, 7, 14, 28. Enlarging before convolving leaves no
    chessboard pattern (Odena et al. 2016, doi:10.23915/distill.00003).

    Args:
        feature_dim: At least 1.
        size: (H, W), each at least 1.
        width: Channels before the last convolution; a layer of half the side has twice as many, up to 8 times.
    """
    sizes = [size]
    while max(sizes[0]) > FIRST_SIDE:
        sizes.insert(0, (-(-sizes[0][0] // 2), -(-sizes[0][1] // 2)))
    channels = [width * 2 ** min(3, len(sizes) - 1 - step) for step in range(len(sizes))]
    first = (channels[0], *sizes[0])
    layers: list[nn.Module] = [
        nn.Linear(feature_dim, first[0] * first[1] * first[2]),
        nn.Unflatten(1, first),
        nn.ReLU(),
    ]
    for (before, after), larger in zip(pairwise(channels), sizes[1:], strict=True):
        layers += [
            nn.Upsample(size=larger, mode="nearest"),
            nn.Conv2d(before, after, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.Conv2d(channels[-1], CHANNELS, kernel_size=3, padding=1), nn.Flatten())


def weighted_error(outputs: Tensor, clean: Tensor, weights: Tensor) -> Tensor:
    """The mean over pictures of the weighted mean squared error of their pixels.

    Args:
        outputs: (B, 3 x H x W) reconstructions.
        clean: (B, 3, H, W) what they should be.
        weights: (B, H, W) of each pixel, at least 0, and above 0 somewhere in each picture.
    """
    errors = (outputs - clean.flatten(1)).square().view_as(clean).mean(dim=1)
    return ((errors * weights).sum(dim=(1, 2)) / weights.sum(dim=(1, 2))).mean()
