"""Frozen features: an encoder that learns nothing any more, over any number of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from pipeline.core import config
from pipeline.core.axes import to_tensor
from pipeline.core.batches import ToTensor
from pipeline.core.contracts import Transform
from pipeline.core.ranges import PositiveInt
from pipeline.core.sample_reader import StorageFormat
from pipeline.images.storage import SquareFormat

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
    image_size: PositiveInt
    fit: Literal["crop", "pad", "stretch"]
    batch_size: PositiveInt

    def storage(self, channels: int) -> StorageFormat:
        """The form in which pictures are read, with so many channels as the data set has."""
        return SquareFormat(size=self.image_size, fit=self.fit, channels=channels)


class FeatureExtractor:
    """Pictures in, features out: the same ones every time.

    Attributes:
        image_size: Side of the square pictures it takes.
        components: Key in params.yaml to what it is made of.
        feature_dim: Length of a feature vector.
    """

    def __init__(self, featuring: FeatureOptions):
        import torch

        transform: Transform = config.build(featuring.transform, "embed.transform")
        self.image_size = featuring.image_size
        with torch.random.fork_rng():  # an encoder may have random weights: always the same ones
            torch.manual_seed(0)
            encoder = config.build(featuring.encoder, "embed.encoder")
        self.components = {"embed.encoder": encoder, "embed.transform": transform}
        self.frozen = FrozenEncoder(encoder, transform, featuring.batch_size)
        self.feature_dim = self.frozen.feature_dim

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """(N, *spatial, C) uint8 to (N, D) float32."""
        return np.stack([np.zeros(self.feature_dim, np.float32), *self.stream(images)])[1:]

    def stream(self, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """(*spatial, C) uint8 one by one to (D,) float32 one by one, batch by batch, in bounded memory."""
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

        from pipeline.models.memory_layout import MemoryLayout

        self.transform, self.batch_size = transform, batch_size
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.feature_dim = int(cast(Any, encoder).feature_dim)
        # half as fast again on a processor; see benchmarks/embed.py
        self.encoder = MemoryLayout(channels_last=True).place(encoder, self.device).eval()

    def stream(self, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """(*spatial, C) uint8 one by one to (D,) float32 one by one, batch by batch, in bounded memory."""
        import torch

        waiting = iter(images)
        while batch := list(islice(waiting, self.batch_size)):
            with torch.inference_mode():
                features = self.encoder(self.transform(to_tensor(np.stack(batch))).to(self.device))
            yield from features.float().cpu().numpy()
