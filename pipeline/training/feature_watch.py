"""What is seen of a pretraining while it runs: how rich the features are, and whether they tell classes apart."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from torch import nn

from pipeline.core.axes import to_tensor
from pipeline.core.batches import ToTensor
from pipeline.datasets.packed import PackedDataset
from pipeline.features.representation import effective_rank
from pipeline.statistics.nearest_neighbors import nearest_rows
from pipeline.training.view_dataset import PRETRAINED_ON

MAX_WATCHED = 2000  # pictures of train and the pool, and as many of val
NEIGHBOURS = 20
BATCH = 64


@final
class FeatureWatch:
    """Figures of an encoder's features, without gradients: val is only looked at.

    Args:
        packed: The data.
        transform: Of the encoder.
    """

    def __init__(self, packed: PackedDataset, transform: ToTensor):
        self.packed, self.transform = packed, transform
        split = packed.index["split"].to_numpy()
        is_original = (packed.index["origin"] == packed.index["sample_id"]).to_numpy()
        labels = packed.index["labels"].map(lambda names: tuple(sorted(names)))
        self.labels = labels.to_numpy()
        is_labelled = (labels.map(len) > 0).to_numpy()
        self.seen = _spread(np.flatnonzero(np.isin(split, PRETRAINED_ON) & is_original))
        self.train = _spread(np.flatnonzero((split == "train") & is_original & is_labelled))
        self.val = _spread(np.flatnonzero((split == "val") & is_labelled))

    def __call__(self, encoder: nn.Module) -> dict[str, float]:
        """`effective_rank` of the features of pictures it learns from, and where there are labels
        `neighbour_accuracy`: the share of val whose nearest neighbours in train are mostly of its class."""
        found = {"effective_rank": effective_rank(self._features(encoder, self.seen))}
        if len(self.train) and len(self.val):
            vectors = self._features(encoder, self.train)
            _, near = nearest_rows(
                self._features(encoder, self.val), vectors, np.arange(len(vectors)), min(NEIGHBOURS, len(vectors))
            )
            names, codes = np.unique(self.labels, return_inverse=True)
            votes = np.apply_along_axis(np.bincount, 1, codes[self.train][near], minlength=len(names))
            found["neighbour_accuracy"] = float(np.mean(votes.argmax(axis=1) == codes[self.val]))
        return found

    def _features(self, encoder: nn.Module, rows: np.ndarray) -> np.ndarray:
        """(R, D) float32 features of these rows; the encoder's mode stays."""
        was_training, device = encoder.training, next(encoder.parameters()).device
        encoder.eval()
        found = []
        with torch.inference_mode():
            for start in range(0, len(rows), BATCH):
                batch = self.transform(to_tensor(self.packed.images[rows[start : start + BATCH]]))
                found.append(encoder(batch.to(device)).float().cpu().numpy())
        encoder.train(was_training)
        return np.concatenate(found)


def _spread(rows: np.ndarray) -> np.ndarray:
    """At most `MAX_WATCHED` of the rows, evenly spread over them."""
    if len(rows) <= MAX_WATCHED:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MAX_WATCHED).round().astype(np.int64)]
