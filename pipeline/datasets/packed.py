"""The folder `data/packed/`, which `augment` writes and training reads without decoding pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.core.axes import middle_pictures
from pipeline.core.batches import ImageDataset

if TYPE_CHECKING:
    from pipeline.core.contracts import Augmentation, Task, Transform


@dataclass(frozen=True, eq=False)
class PackedDataset:
    """The folder `data/packed/`.

    Attributes:
        images: (N, *spatial, C) uint8, memory-mapped.
        index: One row per image: `sample_id`, `origin` (the sample that an extra copy shows, else itself), `split`,
            `labels`, `group`, `photograph`, `content_hash`, properties (`prop_*`) and attributes (`attr_*`).
        card: `classes`, and how samples were read and stored: `size`, `channels`, `fit` and `max_pixels` of pictures.
    """

    images: np.ndarray
    index: pd.DataFrame
    card: dict[str, Any]

    @classmethod
    def load(cls, folder: Path = artifacts.PACKED) -> PackedDataset:
        card = artifacts.read_json(folder / "card.json")
        index = artifacts.read_table(folder / "index.parquet")
        return cls(np.load(folder / "images.npy", mmap_mode="r"), index, card)

    @property
    def classes(self) -> list[str]:
        return list(self.card["classes"])

    def picture(self, row: int) -> np.ndarray:
        """(H, W, C) uint8, the picture that pages show of the sample in this row."""
        return np.asarray(middle_pictures(self.images[row][None])[0])

    def split(
        self, split: str, task: Task, transform: Transform, augmentations: tuple[Augmentation, ...] = ()
    ) -> ImageDataset:
        """The samples of one split."""
        rows = np.flatnonzero(self.index["split"].to_numpy() == split)
        targets = task.targets(self.index["labels"].iloc[rows].tolist(), self.classes)
        metadata = self.index.iloc[rows].reset_index(drop=True)
        return ImageDataset(self.images, rows, targets, transform, augmentations, metadata=metadata)
