"""Finds pictures that show the same photograph, also resized, cropped, compressed or mirrored."""

from __future__ import annotations

from functools import partial
from tempfile import TemporaryFile

import numpy as np
import pandas as pd

from pipeline.core import terminal
from pipeline.core.parallel import parallel_map
from pipeline.datasets.near_duplicates import photo_pairs
from pipeline.datasets.near_duplicates.photo_pairs import DuplicateSearch
from pipeline.datasets.near_duplicates.template_matching import SIDE
from pipeline.media.reader import SampleReader


def find_duplicates(reader: SampleReader, manifest: pd.DataFrame, pairing: DuplicateSearch) -> pd.DataFrame:
    """`left`, `right` (sample_id), `similarity`, `distinctiveness` and `mirrored` of each pair, in manifest order."""
    items = zip(manifest["path"], manifest["content_hash"], strict=True)
    loaded = parallel_map(partial(load_thumbnail, reader), items, len(manifest), "find_duplicates")
    with TemporaryFile() as file:  # a million thumbnails take 4 GB, which the system keeps in memory if it can
        shape = (max(1, len(manifest)), SIDE, SIDE)
        thumbnails = np.memmap(file, np.uint8, "w+", shape=shape)[: len(manifest)]
        for position, thumbnail in enumerate(loaded):
            thumbnails[position] = thumbnail
        alike = photo_pairs.find_pairs(thumbnails, pairing.min_similarity, pairing.num_neighbours)
    found = alike[alike.distinctiveness >= pairing.min_distinctiveness]
    if len(found.pairs) < len(alike.pairs):
        terminal.say(
            f"find_duplicates: {len(found.pairs):,} pairs show one photograph; "
            f"{len(alike.pairs) - len(found.pairs):,} other pairs are hardly more similar than each picture to its "
            "neighbours, and are not joined"
        )
    names = manifest["sample_id"].to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "left": pd.Series(names[found.pairs[:, 0]], dtype="str"),
            "right": pd.Series(names[found.pairs[:, 1]], dtype="str"),
            "similarity": found.similarity,
            "distinctiveness": found.distinctiveness,
            "mirrored": found.pairs[:, 2] == 1,
        }
    )


def load_thumbnail(reader: SampleReader, item: tuple[str, str]) -> np.ndarray:
    return photo_pairs.shrink(reader.load_picture(item))
