"""Finds pictures that show the same photograph, also resized, cropped, compressed or mirrored."""

from __future__ import annotations

from functools import partial
from tempfile import TemporaryFile
from typing import IO

import numpy as np
import pandas as pd

from pipeline.core import terminal
from pipeline.core.parallel import parallel_map
from pipeline.core.sample_codec import noun_of
from pipeline.datasets.near_duplicates import photo_pairs
from pipeline.datasets.near_duplicates.photo_pairs import CandidatePairs, DuplicateSearch
from pipeline.datasets.near_duplicates.template_matching import SIDE
from pipeline.media.reader import SampleReader


def find_duplicates(reader: SampleReader, manifest: pd.DataFrame, pairing: DuplicateSearch) -> pd.DataFrame:
    """`left`, `right` (sample_id), `similarity`, `distinctiveness` and `mirrored` of each pair, in manifest order.

    Samples are compared by their views: a picture by itself, a clip by its key frames. Of two samples with several
    similar views the pair of views with the highest similarity counts.
    """
    items = zip(manifest["path"], manifest["content_hash"], strict=True)
    loaded = parallel_map(partial(load_thumbnails, reader), items, len(manifest), "find_duplicates")
    with TemporaryFile() as file:  # a million thumbnails take 4 GB, which the system keeps in memory if it can
        counts = [_write(file, thumbnails) for thumbnails in loaded]
        views = _read(file, sum(counts))
        owners = np.repeat(np.arange(len(manifest)), counts)
        several = owners if len(owners) > len(manifest) else None
        alike = photo_pairs.find_pairs(views, pairing.min_similarity, pairing.num_neighbours, several)
    chosen = alike.distinctiveness >= pairing.min_distinctiveness
    found, num_alike = alike[chosen], len(alike.pairs)
    if several is not None:
        found, num_alike = of_samples(found, owners), len(of_samples(alike, owners).pairs)
    if len(found.pairs) < num_alike:
        noun = noun_of(reader.codec.media)
        shown = "show one photograph" if noun == "picture" else "are of one recording"
        terminal.say(
            f"find_duplicates: {len(found.pairs):,} pairs {shown}; "
            f"{num_alike - len(found.pairs):,} other pairs are hardly more similar than each {noun} to its "
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


def load_thumbnails(reader: SampleReader, item: tuple[str, str]) -> np.ndarray:
    """(V, M, 64, 64) uint8 of the M pictures of each view of a sample."""
    return np.stack([[photo_pairs.shrink(picture) for picture in view] for view in reader.load_views(item)])


def of_samples(found: CandidatePairs, owners: np.ndarray) -> CandidatePairs:
    """Pairs of samples instead of views, sorted, each with what its most similar views have.

    Args:
        found: Pairs of views of different samples.
        owners: (V,) position of the sample of each view, ascending.
    """
    pairs = np.column_stack([owners[found.pairs[:, :2]], found.pairs[:, 2]])
    order = np.lexsort((-found.similarity, pairs[:, 1], pairs[:, 0]))
    again = np.zeros(len(order), dtype=bool)
    again[1:] = (np.diff(pairs[order, :2], axis=0) == 0).all(axis=1)
    rows = order[~again]
    return CandidatePairs(
        pairs=pairs[rows], similarity=found.similarity[rows], distinctiveness=found.distinctiveness[rows]
    )


def _write(file: IO[bytes], thumbnails: np.ndarray) -> int:
    file.write(thumbnails.tobytes())
    return len(thumbnails)


def _read(file: IO[bytes], number: int) -> np.ndarray:
    """(number, M, 64, 64) uint8, mapped."""
    file.flush()
    if not number:
        return np.zeros((0, 1, SIDE, SIDE), np.uint8)
    return np.memmap(file, np.uint8, "r").reshape(number, -1, SIDE, SIDE)
