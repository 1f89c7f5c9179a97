"""Pictures as pretraining takes them: views of them, with keys that say which rows of a batch belong together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.core.axes import to_tensor
from pipeline.core.batches import ToTensor
from pipeline.core.contracts import Augmentation
from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import POOL, SPLITS
from pipeline.core.objective_contracts import Pretext

if TYPE_CHECKING:
    import torch

    from pipeline.datasets.packed import PackedDataset

PRETRAINED_ON = ("train", POOL)  # the splits; val and test never take part
MOST_OF_ONE_CLASS = 0.01  # expected number of batches of one class, in which there is nothing to compare


@final
@dataclass(frozen=True, eq=False)
class ViewDataset:
    """Some rows of the packed arrays as batches of views; a `TrainingSamples`.

    Attributes:
        images: (N, *spatial, C) uint8, memory-mapped.
        rows: (M,) positions in `images` of these samples.
        keys: (M,) int64; rows of a batch with equal keys belong together.
        apart: (M,) int64; of samples with equal numbers a batch has one at most.
        pretext: What the rows of a batch are.
        transform: What the encoder takes.
        views: Applied in order, before the transform.
    """

    images: np.ndarray
    rows: np.ndarray
    keys: np.ndarray
    apart: np.ndarray
    pretext: Pretext
    transform: ToTensor
    views: tuple[Augmentation, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def max_batch_size(self) -> int:
        """Samples of the largest batch, which has one of each number in `apart`."""
        return len(np.unique(self.apart))

    def refuse_one_class(self, batch_size: int, num_batches: int) -> None:
        """Refuses a training in which a batch may hold one class alone, whose pictures cannot be compared.

        Args:
            batch_size: At least 2.
            num_batches: Of the whole training.

        Raises:
            UserError: The expected number of such batches is more than `MOST_OF_ONE_CLASS`.
        """
        if self.pretext.positives != "class" or self.pretext.divisible:
            return
        shares = np.unique(self.keys, return_counts=True)[1] / len(self)
        expected = float((shares**batch_size).sum()) * num_batches
        if expected > MOST_OF_ONE_CLASS:
            raise UserError(
                f"pretraining compares pictures of different classes within a batch; of {num_batches:,} batches of "
                f"{batch_size}, {expected:.2g} are expected to be a batch of one class; raise pretrain.batch_size, or "
                "set objective.positives=view"
            )

    def num_batches(self, batch_size: int) -> int:
        """The most batches of this size, if each has at most one sample of each number in `apart`.

        n batches take at most n samples of equal `apart`, so n is the largest number for which the sum over
        min(n, samples of a number) is at least n x batch_size.
        """
        sizes = np.unique(self.apart, return_counts=True)[1]
        low, high = 1, max(1, len(self) // batch_size)
        while low < high:
            middle = (low + high + 1) // 2
            enough = np.minimum(sizes, middle).sum() >= middle * batch_size
            low, high = (middle, high) if enough else (low, middle - 1)
        return low

    def epoch_batches(self, batch_size: int, generator: torch.Generator) -> list[tuple[np.ndarray, int]]:
        """Positions and seed of each batch of one epoch; samples of equal `apart` are in different batches."""
        import torch

        number = self.num_batches(batch_size)
        order = torch.randperm(len(self), generator=generator).numpy()
        seeds = torch.randint(2**63 - 1, (number,), generator=generator).tolist()
        # samples of equal `apart` follow one another: sample k goes to batch k mod number, so that they never meet
        first = pd.Series(np.arange(len(order))).groupby(self.apart[order]).transform("min").to_numpy()
        order = order[np.argsort(first, kind="stable")]
        rank = pd.Series(self.apart[order]).groupby(self.apart[order]).cumcount().to_numpy()
        order = order[rank < number][: number * batch_size]
        return [(order[batch::number], seed) for batch, seed in enumerate(seeds)]

    def make_batch(self, chosen: np.ndarray, seed: int | None = None) -> tuple[torch.Tensor, ...]:
        """What `Pretext.make_rows` makes of the samples at these positions, with `num_views` rows for each.

        Args:
            chosen: (B,) positions, 0 to M - 1.
            seed: Of all that is random in the batch; None is 0.
        """
        import torch

        generator = torch.Generator().manual_seed(0 if seed is None else seed)
        positions = np.repeat(np.asarray(chosen)[:, None], self.pretext.num_views, axis=1)
        if self.pretext.positives == "group":
            for number in range(1, self.pretext.num_views):
                positions[:, number] = self._companions(positions[:, 0], generator)
        positions = positions.ravel()
        stored = to_tensor(self.images[self.rows[positions]])

        def view(batch: torch.Tensor) -> torch.Tensor:
            for augmentation in self.views:
                batch = augmentation(batch, generator)
            return batch

        keys = torch.from_numpy(self.keys[positions])
        return self.pretext.make_rows(stored, keys, view, self.transform, generator)

    def _companions(self, positions: np.ndarray, generator: torch.Generator) -> np.ndarray:
        """(B,) positions, for each sample another one of the same key at random; itself where there is no other."""
        import torch

        keyed = self._by_key
        code, own = keyed.codes[positions], keyed.places[positions]
        num_others = np.maximum(keyed.sizes[code] - 1, 1)
        random = torch.rand(len(code), generator=generator).numpy()
        step = 1 + np.minimum((random * num_others).astype(np.int64), num_others - 1)
        found: np.ndarray = keyed.order[keyed.starts[code] + (own + step) % keyed.sizes[code]]
        return found

    @cached_property
    def _by_key(self) -> SamplesByKey:
        return SamplesByKey.of(self.keys)


@final
@dataclass(frozen=True, eq=False)
class SamplesByKey:
    """M samples, those of equal keys after one another.

    Attributes:
        codes: (M,) the number of each sample's key, 0 to K - 1.
        order: (M,) positions of the samples, by key.
        starts: (K,) where the samples of each key begin in `order`.
        sizes: (K,) samples of each key.
        places: (M,) of each sample among those of its key, from 0.
    """

    codes: np.ndarray
    order: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    places: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray) -> SamplesByKey:
        codes = np.unique(keys, return_inverse=True)[1]
        order = np.argsort(codes, kind="stable")
        sizes = np.bincount(codes)
        starts = np.cumsum(sizes) - sizes
        places = np.empty(len(codes), np.int64)
        places[order] = np.arange(len(codes)) - starts[codes[order]]
        return cls(codes, order, starts, sizes, places)


def make_view_dataset(
    packed: PackedDataset, pretext: Pretext, transform: ToTensor, views: tuple[Augmentation, ...]
) -> ViewDataset:
    """The samples of train and of the pool, without extra copies; of labelled ones only where positives are classes.

    Raises:
        UserError: There are none, or all of them are of one group.
    """
    index = packed.index
    if "photograph" not in index:
        raise UserError(f"{artifacts.PACKED}/ was packed without an objective; run dvc repro augment")
    taken = index["split"].isin(PRETRAINED_ON) & (index["origin"] == index["sample_id"])
    if pretext.positives == "class":
        taken &= index["labels"].map(len) > 0
    rows = np.flatnonzero(taken.to_numpy())
    assert index["split"].iloc[rows].isin(PRETRAINED_ON).all()
    if not len(rows):
        kind = "labelled picture in train" if pretext.positives == "class" else "picture in train or without a label"
        raise UserError(f"pretraining found no {kind}; add pictures, or set objective=none")
    chosen = index.iloc[rows]
    keys = {
        "view": lambda: np.arange(len(rows)),
        "group": lambda: pd.factorize(chosen["group"])[0],
        "class": lambda: pd.factorize(chosen["labels"].map(lambda names: tuple(sorted(names))))[0],
    }[pretext.positives]()
    unit = "group" if pretext.positives == "group" else "photograph"
    apart = np.arange(len(rows)) if pretext.divisible else pd.factorize(chosen[unit])[0]
    found = ViewDataset(packed.images, rows, keys.astype(np.int64), apart.astype(np.int64), pretext, transform, views)
    if pretext.positives == "class" and len(np.unique(keys)) < 2 and not pretext.divisible:
        raise UserError(
            f"pretraining compares pictures of different classes within a batch, and all {len(rows):,} labelled "
            "pictures of train are of one class; add pictures of others, or set objective.positives=view"
        )
    if found.max_batch_size < 2 and not pretext.divisible:
        raise UserError(
            f"pretraining compares pictures of different {unit}s within a batch, and all {len(rows):,} pictures are of "
            f"one {unit}; add pictures of others, or set objective=none"
        )
    return found


def count_samples(packed: PackedDataset, samples: ViewDataset) -> dict[str, int]:
    """Pictures of each split that take part: none but those of train and the pool."""
    counts = packed.index["split"].iloc[samples.rows].value_counts()
    return {name: int(counts.get(name, 0)) for name in (*SPLITS, POOL)}
