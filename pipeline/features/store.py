"""The folder `data/embeddings/`: frozen features of every sample, and the options behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.features.extractor import FeatureExtractor


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Frozen features.

    Attributes:
        features: (N, D) float16, memory-mapped.
        index: One row per feature vector: `sample_id`.
        card: `embed` (the options behind them), `num_samples`, `feature_dim` and `data_hash`.
    """

    features: np.ndarray
    index: pd.DataFrame
    card: dict[str, Any]

    @classmethod
    def load(cls, folder: Path = artifacts.EMBEDDINGS) -> Embeddings:
        card = artifacts.read_json(folder / "card.json")
        index = artifacts.read_table(folder / "index.parquet")
        return cls(np.load(folder / "features.npy", mmap_mode="r"), index, card)

    def of(self, names: pd.Series) -> np.ndarray:
        """(n, D) features of the samples with these names, in this order; no copy if these are all, in stored order."""
        position = pd.Series(np.arange(len(self.index)), index=self.index["sample_id"])
        rows = position.loc[names].to_numpy()
        return self.features if np.array_equal(rows, np.arange(len(self.index))) else self.features[rows]


def to_float16(features: Iterable[np.ndarray]) -> Iterable[np.ndarray]:
    """The features as float16, clipped to its range: half the size, and without an effect on any check."""
    largest = np.finfo(np.float16).max
    return (np.clip(one, -largest, largest).astype("<f2") for one in features)


def make_card(node: dict[str, object], manifest: pd.DataFrame, extractor: FeatureExtractor) -> dict[str, object]:
    return {
        "embed": node,
        "num_samples": len(manifest),
        "feature_dim": extractor.feature_dim,
        "data_hash": artifacts.content_digest(*(one.encode() for one in manifest["content_hash"])),
    }
