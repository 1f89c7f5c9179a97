"""A picture as ingest saw it, or one line that says it has changed."""

from __future__ import annotations

import numpy as np

from pipeline.core.contracts import Source
from pipeline.core.errors import Refused, UserError
from pipeline.core.pictures import content_hash, decode, stored


def look(source: Source, max_pixels: int, path: str, expected: str) -> np.ndarray:
    """The decoded pixels of a manifest row, (H, W) or (H, W, 3) uint8.

    Args:
        source: That has it.
        max_pixels: As ingest takes it.
        path: Of the row.
        expected: `content_hash` of the row.

    Raises:
        UserError: It cannot be read any more, or its pixels are others.
    """
    try:
        array = decode(source.open(path), max_pixels)
    except Refused as refused:
        raise UserError(
            f"{path} could be read by ingest but not now ({refused}); run dvc repro to ingest again"
        ) from None
    if content_hash(array) != expected:
        raise UserError(f"{path} has changed since ingest; run dvc repro to ingest again")
    return array


def fitted(source: Source, max_pixels: int, size: int, fit: str, channels: int, item: tuple[str, str]) -> np.ndarray:
    """`look` at one item (path and content hash), then `stored`: (size, size, channels) uint8."""
    return stored(look(source, max_pixels, *item), size, fit, channels)
