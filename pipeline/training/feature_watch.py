"""What is seen of a pretraining while it runs: how rich the features are, and whether they tell classes apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.core.axes import to_tensor
from pipeline.core.batches import ToTensor
from pipeline.core.contracts import Augmentation
from pipeline.datasets.packed import PackedDataset
from pipeline.features.representation import alignment, effective_rank, spread, uniformity
from pipeline.statistics.nearest_neighbors import nearest_rows
from pipeline.training.view_dataset import PRETRAINED_ON

MAX_WATCHED = 1000  # pictures of train and the pool, as many labelled ones of train, and of val
MAX_VIEWED = 300  # of them seen in two views, too
NEIGHBOURS = 20  # that vote; of fewer than 400 labelled pictures a twentieth
BATCH = 64


@final
class FeatureWatch:
    """Figures of an encoder's features, without gradients: val is only looked at, and training does not notice.

    Args:
        packed: The data.
        transform: Of the encoder.
        views: Of the pretraining, for `alignment`; without any there is none.
    """

    def __init__(self, packed: PackedDataset, transform: ToTensor, views: tuple[Augmentation, ...] = ()):
        self.packed, self.transform, self.views = packed, transform, views
        split = packed.index["split"].to_numpy()
        is_original = (packed.index["origin"] == packed.index["sample_id"]).to_numpy()
        labels = packed.index["labels"].map(lambda names: tuple(sorted(names)))
        self.labels = labels.to_numpy()
        is_labelled = (labels.map(len) > 0).to_numpy()
        self.seen = _choose_evenly(np.flatnonzero(np.isin(split, PRETRAINED_ON) & is_original), MAX_WATCHED)
        self.viewed = _choose_evenly(self.seen, MAX_VIEWED)
        self.train = _choose_evenly(np.flatnonzero((split == "train") & is_original & is_labelled), MAX_WATCHED)
        self.val = _choose_evenly(np.flatnonzero((split == "val") & is_labelled), MAX_WATCHED)

    def __call__(self, encoder: nn.Module) -> dict[str, float]:
        """Of pictures that it learns from `effective_rank`, `spread`, `uniformity` (of two or more) and, with views,
        `alignment`; with labels `neighbour_accuracy`: the share of val whose nearest neighbours in train are mostly of
        its class. Not finite where the features are not."""
        with keep_modes(encoder):
            seen = self._features(encoder, self.seen)
            if not np.isfinite(seen).all():
                return {"spread": float("nan")}
            found = {"effective_rank": effective_rank(seen), "spread": spread(seen)}
            if len(seen) > 1:
                found["uniformity"] = uniformity(seen)
            if self.views:
                found["alignment"] = alignment(*self._two_views(encoder))
            if len(self.train) and len(self.val):
                same = np.array_equal(self.train, self.seen)
                train = seen if same else self._features(encoder, self.train)
                found["neighbour_accuracy"] = self._neighbour_accuracy(train, self._features(encoder, self.val))
        return found

    def _neighbour_accuracy(self, train: np.ndarray, val: np.ndarray) -> float:
        num = min(NEIGHBOURS, max(1, len(train) // 20))
        _, near = nearest_rows(val, train, np.arange(len(train)), num)
        names, codes = np.unique(self.labels, return_inverse=True)
        votes = np.apply_along_axis(np.bincount, 1, codes[self.train][near], minlength=len(names))
        return float(np.mean(votes.argmax(axis=1) == codes[self.val]))

    def _two_views(self, encoder: nn.Module) -> list[np.ndarray]:
        """(V, D) features of one view of each picture, and of another one; the same views after each epoch."""
        generator = torch.Generator().manual_seed(0)

        def view(batch: Tensor) -> Tensor:
            for augmentation in self.views:
                batch = augmentation(batch, generator)
            return batch

        return [self._features(encoder, self.viewed, view) for _ in range(2)]

    def _features(self, encoder: nn.Module, rows: np.ndarray, view: ToTensor | None = None) -> np.ndarray:
        """(R, D) float32 features of these rows, or of views of them."""
        device, found = next(encoder.parameters()).device, []
        with torch.inference_mode(), keep_modes(encoder):
            for start in range(0, len(rows), BATCH):
                stored = to_tensor(self.packed.images[rows[start : start + BATCH]])
                batch = self.transform(stored if view is None else view(stored))
                found.append(encoder(batch.to(device)).float().cpu().numpy())
        return np.concatenate(found)


@contextmanager
def keep_modes(encoder: nn.Module) -> Iterator[None]:
    """A block in which the encoder predicts; after it the mode of each of its modules is as before.

    Batch normalisation leaves its running means alone while it predicts, and nothing here takes a random number of
    torch's global generators.
    """
    modes = [(one, one.training) for one in encoder.modules()]
    encoder.eval()
    try:
        yield
    finally:
        for one, is_training in modes:
            one.training = is_training


def _choose_evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, evenly spaced over them."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]
