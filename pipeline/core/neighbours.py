"""Nearest neighbours among many vectors of length 1: all are compared up to some size, above it the nearest cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

EXACT = 20_000  # vectors up to which every one is compared with every other
BLOCK = EXACT  # vectors held in float32 at once
MOST_CELLS = 32  # looked into for each vector; a share of all cells would be quadratic


def index(vectors: np.ndarray) -> Any:
    """Something of faiss to `search`; deterministic, and never quadratic in large sets.

    Args:
        vectors: (N, D) float32 of length 1; their inner product is how alike they are.
    """
    return _filled(vectors.shape, vectors[:: _step(len(vectors))], [vectors], half=False)


def cosines(vectors: np.ndarray, num_neighbours: int) -> np.ndarray:
    """(N, k) cosines of each vector with the nearest ones, itself among them, largest first; -max where none is found.

    Memory: the vectors in half precision above 20,000 of them, and a block of them in float32.

    Args:
        vectors: (N, D) floating point of any length, memory-mapped if need be.
        num_neighbours: k, at least 1; no more than there are vectors.
    """
    sample = unit(np.asarray(vectors[:: _step(len(vectors))], dtype=np.float32))
    made = _filled(vectors.shape, sample, directions(vectors), half=True)
    num = min(num_neighbours, len(vectors))
    found: np.ndarray = np.concatenate([made.search(block, num)[0] for block in directions(vectors)])
    return found


def _num_cells(num: int) -> int:
    return int(4 * np.sqrt(num))


def _step(num: int) -> int:
    """Every how manieth vector the cells are learnt from: 40 for each cell."""
    return max(1, num // (40 * max(1, _num_cells(num))))


def _filled(shape: tuple[int, ...], sample: np.ndarray, blocks: Iterable[np.ndarray], half: bool) -> Any:
    import faiss

    num, num_dimensions = shape
    cells = _num_cells(num)
    made: Any = faiss.IndexFlatIP(num_dimensions)
    if num > EXACT:
        if half:
            precision = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, False
            made = faiss.IndexIVFScalarQuantizer(made, num_dimensions, cells, *precision)
        else:
            made = faiss.IndexIVFFlat(made, num_dimensions, cells, faiss.METRIC_INNER_PRODUCT)
        made.nprobe = min(MOST_CELLS, max(8, cells // 32))
        made.train(sample)
    for block in blocks:
        made.add(block)
    return made


def directions(vectors: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks of the rows as (n, D) float32 of length 1."""
    for start in range(0, len(vectors), BLOCK):
        yield unit(np.asarray(vectors[start : start + BLOCK], dtype=np.float32))


def unit(vectors: np.ndarray) -> np.ndarray:
    """The same directions, (N, D) float32 of length 1; what is zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: np.ndarray = np.ascontiguousarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
    return result
