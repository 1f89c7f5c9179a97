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
from pipeline.core.labels import to_matrix
from pipeline.datasets.packed import PackedDataset
from pipeline.features.representation import alignment, effective_rank, spread, uniformity
from pipeline.statistics.classification import balanced_accuracy
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
        self.has_several = bool((labels.map(len) > 1).any())
        # of several labels a picture may have none; without a label to know, it would be in the pool
        is_labelled = np.full(len(labels), True) if self.has_several else (labels.map(len) > 0).to_numpy()
        self.seen = _choose_evenly(np.flatnonzero(np.isin(split, PRETRAINED_ON) & is_original), MAX_WATCHED)
        self.viewed = _choose_evenly(self.seen, MAX_VIEWED)
        self.train = _choose_evenly(np.flatnonzero((split == "train") & is_original & is_labelled), MAX_WATCHED)
        self.val = _choose_evenly(np.flatnonzero((split == "val") & is_labelled), MAX_WATCHED)

    def __call__(self, encoder: nn.Module) -> dict[str, float]:
        """Of pictures that it learns from `effective_rank`, `spread`, `uniformity` (of two or more) and, with views,
        `alignment`; with labels `neighbour_accuracy`, what the nearest neighbours in train tell of val. Where features
        are not finite, neither is what is found."""
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
                accuracy = self._neighbour_accuracy(train, self._features(encoder, self.val))
                found |= {"neighbour_accuracy": accuracy} if np.isfinite(accuracy) else {}
        return found

    def _neighbour_accuracy(self, train: np.ndarray, val: np.ndarray) -> float:
        """The share of val whose neighbours are mostly of its class, 0 to 1.

        Where pictures have several labels: a label is assigned where the neighbours have it more often than train has,
        so that a rare one can be found, and the figure is the mean over labels of the balanced accuracy, (recall of
        presence + recall of absence) / 2: 0.5 by chance. Labels that all of val or none of it has are left out; NaN
        where no label is left.
        """
        num = min(NEIGHBOURS, max(1, len(train) // 20))
        _, near = nearest_rows(val, train, np.arange(len(train)), num)
        if self.has_several:
            classes = sorted({name for row in (*self.train, *self.val) for name in self.labels[row]})
            known, targets = (to_matrix(self.labels[rows].tolist(), classes) for rows in (self.train, self.val))
            decided = known[near].mean(axis=1) > known.mean(axis=0)
            return float(balanced_accuracy(targets, decided, np.ones((1, len(val))), exclusive=False)[0])
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
