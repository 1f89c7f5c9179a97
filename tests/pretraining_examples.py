"""Packed pictures of two kinds of texture, some without a label: what tests of pretraining learn from."""

from typing import Any

import numpy as np
import pandas as pd

from pipeline.datasets.packed import PackedDataset


def make_packed(splits: list[str], side: int = 16, seed: int = 0, **columns: Any) -> PackedDataset:
    """Pictures with stripes of one of two directions, which is their label; those of the pool have none.

    Args:
        splits: Of each picture.
        side: In pixels.
        seed: Of the pictures.
        columns: Of the index, in place of those made here.
    """
    generator = np.random.default_rng(seed)
    kind = generator.integers(2, size=len(splits))
    phase = generator.integers(4, size=len(splits))
    stripes = 120 * ((np.arange(side)[None, :] + phase[:, None]) // 2 % 2)
    across = np.broadcast_to(stripes[:, None, :], (len(splits), side, side))
    pictures = np.where(kind[:, None, None] == 0, across, across.swapaxes(1, 2))
    pictures = pictures + generator.integers(100, size=pictures.shape)
    names = [f"s{number:03}" for number in range(len(splits))]
    index = pd.DataFrame(
        {
            "sample_id": names,
            "origin": names,
            "split": splits,
            "labels": [[] if split == "pool" else ["ab"[one]] for split, one in zip(splits, kind, strict=True)],
            "group": names,
            "photograph": names,
            "content_hash": names,
        }
        | columns
    )
    return PackedDataset(pictures[..., None].astype(np.uint8), index, {"classes": ["a", "b"], "size": side})
