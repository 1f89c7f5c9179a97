"""Writes arrays row by row: memory stays flat, and a full disk is an error instead of a crash."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np


def write_array(path: Path, images: Iterable[np.ndarray], shape: tuple[int, ...], kind: str = "|u1") -> None:
    """Streams images, or other rows, into an .npy file.

    The file is written in sequence, since a memory map ends the process with a bus error when the disk is full.

    Args:
        path: The file.
        images: `shape[0]` arrays of shape `shape[1:]`.
        shape: (N, *spatial, C), or another shape of N rows.
        kind: NumPy's descriptor of the number type; default uint8.
    """
    count = 0
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
        for image in images:
            assert image.shape == shape[1:], (image.shape, shape)
            assert image.dtype == np.dtype(kind), image.dtype
            file.write(np.ascontiguousarray(image).data)
            count += 1
    assert count == shape[0], (count, shape)


def contact_sheet(rows: list[list[np.ndarray]], gap: int = 4) -> np.ndarray:
    """Pictures of one size in a white grid, (H, W, 3) uint8."""
    height, width = rows[0][0].shape[:2]
    columns = max(len(row) for row in rows)
    result = np.full((len(rows) * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, dtype=np.uint8)
    for r, row in enumerate(rows):
        for c, image in enumerate(row):
            top, left = gap + r * (height + gap), gap + c * (width + gap)
            result[top : top + height, left : left + width] = image
    return result
