"""The pictures of train that resemble a picture most, by their frozen features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.features.store import Embeddings
from pipeline.statistics.nearest_neighbors import nearest_rows

NUM = 3  # neighbours of a picture


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A picture of train near another picture.

    Attributes:
        sample_id: Of the picture of train.
        labels: Its labels.
        similarity: Cosine of the two feature vectors, -1 to 1.
    """

    sample_id: str
    labels: list[str]
    similarity: float


def training_neighbours(
    names: Sequence[str],
    manifest: pd.DataFrame,
    splits: pd.DataFrame,
    num: int = NUM,
    folder: Path = artifacts.EMBEDDINGS,
) -> dict[str, list[Neighbour]]:
    """sample_id to its nearest neighbours in train, the nearest first; empty where there are no features.

    Args:
        names: Of the pictures; those without features are left out.
        manifest: Samples with `sample_id` and `labels`.
        splits: Their `sample_id` and `split`.
        num: Of neighbours, at least 1.
        folder: Of the features.
    """
    if not names or not (folder / "card.json").is_file():
        return {}
    stored = Embeddings.load(folder)
    position = pd.Series(np.arange(len(stored.index)), index=stored.index["sample_id"])
    train = splits.loc[splits["split"] == "train", "sample_id"]
    rows = np.sort(position.reindex(train).dropna().to_numpy(dtype=np.int64))
    known = [name for name in dict.fromkeys(names) if name in position.index]
    if not len(rows) or not known:
        return {}
    queries = stored.features[position.loc[known].to_numpy()]
    cosines, found = nearest_rows(queries, stored.features, rows, num)
    sample_ids = stored.index["sample_id"].to_numpy()[found]
    wanted = manifest[manifest["sample_id"].isin(set(sample_ids.ravel()))]
    labels = dict(zip(wanted["sample_id"], wanted["labels"].map(list), strict=True))
    return {
        name: [
            Neighbour(sample_id=str(other), labels=labels.get(other, []), similarity=float(cosine))
            for other, cosine in zip(row, values, strict=True)
        ]
        for name, row, values in zip(known, sample_ids, cosines, strict=True)
    }
