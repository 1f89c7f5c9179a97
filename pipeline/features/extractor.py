"""Frozen features: an encoder that is not trained, applied to any number of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from pipeline.core import config
from pipeline.core.axes import to_tensor
from pipeline.core.batches import ToTensor
from pipeline.core.contracts import Transform
from pipeline.core.ranges import PositiveInt

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class FeatureOptions:
    """Options of the feature extraction: the section `embed` of the parameters.

    Args:
        encoder: Node of an Encoder.
        transform: Node of the Transform to the input of the encoder; its image_size is at most the one here.
        image_size: Side in pixels at which pictures are read.
        fit: How pictures are fitted to that size: `crop`, `pad` or `stretch`.
        batch_size: Pictures per forward pass, at least 1.
    """

    encoder: dict[str, Any]
    transform: dict[str, Any]
    image_size: PositiveInt
    fit: Literal["crop", "pad", "stretch"]
    batch_size: PositiveInt


class FeatureExtractor:
    """Turns pictures into features; the same pictures always give the same features.

    Attributes:
        image_size: Side in pixels of the square pictures that it takes.
        components: Key in params.yaml to encoder and transform.
        feature_dim: Length of a feature vector.
    """

    def __init__(self, featuring: FeatureOptions):
        import torch

        transform: Transform = config.build(featuring.transform, "embed.transform")
        self.image_size = featuring.image_size
        with torch.random.fork_rng():  # an encoder may have random weights; they must always be the same
            torch.manual_seed(0)
            encoder = config.build(featuring.encoder, "embed.encoder")
        self.components = {"embed.encoder": encoder, "embed.transform": transform}
        self.frozen = FrozenEncoder(encoder, transform, featuring.batch_size)
        self.feature_dim = self.frozen.feature_dim

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """(N, *spatial, C) uint8 pictures to (N, D) float32 features."""
        return np.stack([np.zeros(self.feature_dim, np.float32), *self.stream(images)])[1:]

    def stream(self, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """(*spatial, C) uint8 pictures to (D,) float32 features, one by one; computed in batches, in bounded memory."""
        return self.frozen.stream(images)


class FrozenEncoder:
    """An encoder that is not trained, and the transform to its input.

    Args:
        encoder: An `Encoder`; it is set to evaluation mode.
        transform: From stored pictures to the input of the encoder.
        batch_size: Pictures per forward pass, at least 1.
    """

    def __init__(self, encoder: torch.nn.Module, transform: ToTensor, batch_size: int):
        import torch

        from pipeline.models.memory_layout import MemoryLayout

        self.transform, self.batch_size = transform, batch_size
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.feature_dim = int(cast(Any, encoder).feature_dim)
        # 1.5 times as fast on a processor; see benchmarks/embed.py
        self.encoder = MemoryLayout(channels_last=True).place(encoder, self.device).eval()

    def __call__(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """(*spatial, C) uint8 of up to `batch_size` pictures to (N, D) float32, in one forward pass."""
        import torch

        with torch.inference_mode():
            features: np.ndarray = (
                self.encoder(self.transform(to_tensor(np.stack(batch))).to(self.device)).float().cpu().numpy()
            )
        return features

    def stream(self, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """(*spatial, C) uint8 pictures to (D,) float32 features, one by one; computed in batches, in bounded memory."""
        remaining = iter(images)
        while batch := list(islice(remaining, self.batch_size)):
            yield from self(batch)
