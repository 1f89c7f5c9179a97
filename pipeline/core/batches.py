"""Some rows of packed arrays as batches for a network: shuffled or sampled, augmented, transformed, mixed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from pipeline.core.axes import to_tensor

if TYPE_CHECKING:
    import torch

ToTensor = Callable[["torch.Tensor"], "torch.Tensor"]  # as a Transform
Change = Callable[["torch.Tensor", "torch.Generator"], "torch.Tensor"]  # as an Augmentation
Mix = Callable[["torch.Tensor", "torch.Tensor", "torch.Generator"], tuple["torch.Tensor", "torch.Tensor"]]


class TrainingSamples(Protocol):
    """What training takes batches from; an epoch is fixed at its start, so that it can be resumed after any batch."""

    def num_batches(self, batch_size: int) -> int:
        """Batches of one epoch, at least 1."""

    def epoch_batches(self, batch_size: int, generator: torch.Generator) -> list[tuple[np.ndarray, int]]:
        """Positions and seed of each batch of one epoch; the seed decides all that is random within its batch."""

    def make_batch(self, chosen: np.ndarray, seed: int | None = None) -> tuple[torch.Tensor, ...]:
        """What the network takes, and then B rows each of what its objective takes, of the samples at positions."""


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """Some rows of the packed arrays, ready for a network.

    Attributes:
        images: (N, *spatial, C) uint8, memory-mapped.
        rows: (M,) positions in `images` of these samples.
        targets: (M, K) float32 in {0, 1}.
        transform: What the encoder takes.
        augmentations: Applied in order, before the transform.
        sampling_probabilities: (M,) probability of each sample at each draw, or None: each comes once per epoch.
        subgroups: (M,) of label x property, or None: all in one.
        metadata: M rows of what is known apart from the picture (`prop_*`, `attr_*`), or None.
        mix: Of pictures and targets, after the transform; None for none.
    """

    images: np.ndarray
    rows: np.ndarray
    targets: np.ndarray
    transform: ToTensor
    augmentations: tuple[Change, ...] = ()
    sampling_probabilities: np.ndarray | None = None
    subgroups: np.ndarray | None = None
    metadata: pd.DataFrame | None = None
    mix: Mix | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def num_subgroups(self) -> int:
        """Cells of label x property, at least 1."""
        return 1 if self.subgroups is None else int(self.subgroups.max()) + 1

    def num_batches(self, batch_size: int) -> int:
        """Batches of one epoch, at least 1, without the incomplete last one."""
        return max(1, len(self) // batch_size)

    def batches(
        self, batch_size: int, generator: torch.Generator | None = None
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """(B, 3, *spatial) float32 pictures, (B, K) float32 targets and (B,) int64 cells.

        Args:
            batch_size: At least 1.
            generator: Shuffles or draws by `sampling_probabilities`, augments, mixes, and drops the incomplete last
                batch; without it the order is kept, every sample comes once and nothing is random.
        """
        if generator is not None:
            yield from (self.make_batch(*one) for one in self.epoch_batches(batch_size, generator))
            return
        order = np.arange(len(self))
        for start in range(0, len(self), batch_size):
            yield self.make_batch(order[start : start + batch_size])

    def epoch_batches(self, batch_size: int, generator: torch.Generator) -> list[tuple[np.ndarray, int]]:
        """Positions and seed of each batch of one epoch, without the incomplete last batch.

        The seed decides all that is random within its batch, so batches may be made in any order, and several at once.
        """
        import torch

        order = self.order(generator)
        seeds = torch.randint(2**63 - 1, (self.num_batches(batch_size),), generator=generator).tolist()
        return [(order[number * batch_size : (number + 1) * batch_size], seed) for number, seed in enumerate(seeds)]

    def order(self, generator: torch.Generator) -> np.ndarray:
        """(M,) positions of the samples in the order of one epoch: shuffled, or sampled by `sampling_probabilities`."""
        import torch

        if self.sampling_probabilities is None:
            return torch.randperm(len(self), generator=generator).numpy()
        # inversion, since torch.multinomial takes no more than 2^24 samples
        draws = torch.rand(len(self), generator=generator, dtype=torch.float64).numpy()
        cumulative = np.cumsum(self.sampling_probabilities)
        return np.minimum(np.searchsorted(cumulative, draws * cumulative[-1], side="right"), len(self) - 1)

    def make_batch(
        self, chosen: np.ndarray, seed: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Pictures, targets and cells, as `batches` gives them, of the samples at these positions.

        Args:
            chosen: (B,) positions, 0 to M - 1.
            seed: Seed of the augmentations and of the mix; None: nothing is random.
        """
        import torch

        batch = to_tensor(self.images[self.rows[chosen]])
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        if generator is not None:
            for augmentation in self.augmentations:
                batch = augmentation(batch, generator)
        pictures, targets = self.transform(batch), torch.from_numpy(self.targets[chosen])
        if generator is not None and self.mix is not None:
            pictures, targets = self.mix(pictures, targets, generator)
        cells = np.zeros(len(chosen), dtype=np.int64) if self.subgroups is None else self.subgroups[chosen]
        return pictures, targets, torch.from_numpy(cells)
