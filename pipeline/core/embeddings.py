"""The folder `data/embeddings/`: frozen features of every sample, and what made them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import files


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Frozen features.

    Attributes:
        features: (N, D) float16, memory-mapped.
        index: One row per feature vector: `sample_id`.
        card: `embed` (the choices that made them), `num_samples`, `feature_dim` and `data_hash`.
    """

    features: np.ndarray
    index: pd.DataFrame
    card: dict[str, Any]

    @classmethod
    def load(cls, folder: Path = files.EMBEDDINGS) -> Embeddings:
        card = files.read_json(folder / "card.json")
        index = files.read_table(folder / "index.parquet")
        return cls(np.load(folder / "features.npy", mmap_mode="r"), index, card)

    def of(self, names: pd.Series) -> np.ndarray:
        """(n, D) features of the samples with these names, in their order; no copy where they are all, in order."""
        position = pd.Series(np.arange(len(self.index)), index=self.index["sample_id"])
        rows = position.loc[names].to_numpy()
        return self.features if np.array_equal(rows, np.arange(len(self.index))) else self.features[rows]
