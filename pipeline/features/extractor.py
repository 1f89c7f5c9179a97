"""Frozen features: an encoder that learns nothing any more, over any number of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from pipeline.core import config
from pipeline.core.batches import ToTensor, to_tensor
from pipeline.core.contracts import Transform

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class FeatureOptions:
    """How pictures become features; the section `embed` of the parameters.

    Args:
        encoder: Node of an Encoder.
        transform: Node of the Transform that the encoder takes; its image_size is at most this one.
        image_size: Side in pixels at which pictures are read.
        fit: `crop`, `pad` or `stretch`, as pictures are fitted to that size.
        batch_size: Pictures per forward pass, at least 1.
    """

    encoder: dict[str, Any]
    transform: dict[str, Any]
    image_size: int
    fit: Literal["crop", "pad", "stretch"]
    batch_size: int

    def __post_init__(self) -> None:
        if self.fit not in ("crop", "pad", "stretch"):
            raise ValueError(f"fit must be crop, pad or stretch, got {self.fit!r}")
        if self.image_size < 1:
            raise ValueError(f"image_size must be at least 1, got {self.image_size}")
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {self.batch_size}")


class FeatureExtractor:
    """Pictures in, features out: the same ones every time.

    Attributes:
        image_size: Side of the square pictures it takes.
        feature_dim: Length of a feature vector.
    """

    def __init__(self, featuring: FeatureOptions):
        import torch

        transform: Transform = config.build(featuring.transform, "embed.transform")
        self.image_size = featuring.image_size
        with torch.random.fork_rng():  # an encoder may have random weights: always the same ones
            torch.manual_seed(0)
            encoder = config.build(featuring.encoder, "embed.encoder")
        self.frozen = FrozenEncoder(encoder, transform, featuring.batch_size)
        self.feature_dim = self.frozen.feature_dim

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """(N, S, S, C) uint8 to (N, D) float32."""
        return np.stack([np.zeros(self.feature_dim, np.float32), *self.stream(images)])[1:]

    def stream(self, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """(S, S, C) uint8 one by one to (D,) float32 one by one, batch by batch, in bounded memory."""
        return self.frozen.stream(images)


class FrozenEncoder:
    """An encoder that learns nothing any more, and the transform that it takes.

    Args:
        encoder: An `Encoder`; it is switched to evaluation.
        transform: Of stored pictures, to what the encoder takes.
        batch_size: Pictures per forward pass, at least 1.
    """

    def __init__(self, encoder: torch.nn.Module, transform: ToTensor, batch_size: int):
        import torch

        self.transform, self.batch_size = transform, batch_size
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.feature_dim = int(cast(Any, encoder).feature_dim)
        # half as fast again on a processor; see benchmarks/embed.py
        self.encoder = encoder.to(self.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

    def stream(self, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """(H, W, C) uint8 one by one to (D,) float32 one by one, batch by batch, in bounded memory."""
        import torch

        waiting = iter(images)
        while batch := list(islice(waiting, self.batch_size)):
            with torch.inference_mode():
                features = self.encoder(self.transform(to_tensor(np.stack(batch))).to(self.device))
            yield from features.float().cpu().numpy()
