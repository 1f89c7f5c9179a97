"""A picture as ingest saw it, or one line that says it has changed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.parallel import parallel_map
from pipeline.images.decoding import Decoding, content_hash, decode, resize_for_storage


def load_verified(source: Source, decoding: Decoding, path: str, expected: str) -> np.ndarray:
    """The decoded pixels of a manifest row, (H, W) or (H, W, 3) uint8.

    Args:
        source: That has it.
        decoding: As ingest takes it.
        path: Of the row.
        expected: `content_hash` of the row.

    Raises:
        UserError: It cannot be read any more, or its pixels are others.
    """
    try:
        array = decode(source.open(path), decoding)
    except ItemRejected as refused:
        raise UserError(
            f"{path} could be read by ingest but not now ({refused}); run dvc repro to ingest again"
        ) from None
    if content_hash(array) != expected:
        raise UserError(f"{path} has changed since ingest; run dvc repro to ingest again")
    return array


def load_resized(
    source: Source, decoding: Decoding, size: int, fit: str, channels: int, item: tuple[str, str]
) -> np.ndarray:
    """`look` at one item (path and content hash), then `stored`: (size, size, channels) uint8."""
    return resize_for_storage(load_verified(source, decoding, *item), size, fit, channels)


def load_thumbnails(
    source: Source, decoding: Decoding, manifest: pd.DataFrame, names: Iterable[str], side: int
) -> dict[str, np.ndarray]:
    """sample_id to a small copy of the whole picture, for a page; what cannot be read any more is left out.

    A page about findings must not fail for a picture that went away: the stages that learn from it say so.

    Args:
        source: That has them.
        decoding: As ingest takes it.
        manifest: Rows with `sample_id`, `path` and `content_hash`.
        names: Of the samples.
        side: Longest of a copy, in pixels.
    """
    rows = manifest.set_index("sample_id")[["path", "content_hash"]].loc[list(names)]
    items = list(rows.itertuples(index=False, name=None))
    found = parallel_map(partial(_glimpse, source, decoding, side), items, len(items), "pictures")
    return {name: one for name, one in zip(rows.index, found, strict=True) if one is not None}


def _glimpse(source: Source, decoding: Decoding, side: int, item: tuple[str, str]) -> np.ndarray | None:
    try:
        image = Image.fromarray(load_verified(source, decoding, *item))
    except UserError:
        return None
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image)
