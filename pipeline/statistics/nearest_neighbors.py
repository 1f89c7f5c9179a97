"""Nearest neighbours among many vectors of length 1: all are compared up to some size, above it the nearest cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

EXACT = 20_000  # vectors up to which every one is compared with every other
BLOCK = 8_192  # vectors held in float32 at once
NUM_PROBED = 32  # cells looked into for each query; a constant, since a share of all cells would be quadratic


class Index(Protocol):
    """An index of faiss."""

    def search(self, queries: np.ndarray, num_neighbours: int) -> tuple[np.ndarray, np.ndarray]:
        """(Q, num_neighbours) inner products, the largest first, and positions, -1 where there is none."""


def build_index(vectors: np.ndarray) -> Index:
    """An index to `search`; deterministic, with cost n to the power of 1.5 and half precision in large sets.

    Above `EXACT` vectors it is faiss's inverted file (Jegou, Douze and Schmid 2011, doi:10.1109/TPAMI.2010.57): a
    query is compared with what lies in the cells nearest to it.

    Args:
        vectors: (N, D) of length 1, float32 or float16; their inner product is how alike they are.
    """
    return _fill(vectors.shape, vectors[:: _step(len(vectors))], _blocks(vectors))


def nearest_cosines(vectors: np.ndarray, num_neighbours: int) -> np.ndarray:
    """(N, k) cosines of each vector with the nearest ones, itself among them, largest first; -max where none is found.

    Memory: the vectors in half precision above 20,000 of them, and a block of them in float32.

    Args:
        vectors: (N, D) floating point of any length, memory-mapped if need be.
        num_neighbours: k, at least 1; no more than there are vectors.
    """
    sample = l2_normalise(np.asarray(vectors[:: _step(len(vectors))], dtype=np.float32))
    index = _fill(vectors.shape, sample, normalised_blocks(vectors))
    num = min(num_neighbours, len(vectors))
    cosines: np.ndarray = np.concatenate([index.search(block, num)[0] for block in normalised_blocks(vectors)])
    return cosines


def _num_cells(num: int) -> int:
    return int(4 * np.sqrt(num))


def _step(num: int) -> int:
    """Stride between the vectors that train the cells: about 40 vectors for each cell."""
    return max(1, num // (40 * max(1, _num_cells(num))))


def _fill(shape: tuple[int, ...], sample: np.ndarray, blocks: Iterable[np.ndarray]) -> Index:
    import faiss

    num, num_dimensions = shape
    index: Any = faiss.IndexFlatIP(num_dimensions)
    if num > EXACT:
        halves, product = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        index = faiss.IndexIVFScalarQuantizer(index, num_dimensions, _num_cells(num), halves, product, False)
        index.nprobe = NUM_PROBED
        index.train(np.ascontiguousarray(sample, dtype=np.float32))
    for block in blocks:
        index.add(block)
    result: Index = index
    return result


def _blocks(vectors: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(vectors), BLOCK):
        yield np.ascontiguousarray(vectors[start : start + BLOCK], dtype=np.float32)


def normalised_blocks(vectors: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks of the rows as (n, D) float32 of length 1."""
    yield from map(l2_normalise, _blocks(vectors))


def l2_normalise(vectors: np.ndarray) -> np.ndarray:
    """The same directions, (N, D) float32 of length 1; what is zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: np.ndarray = np.ascontiguousarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
    return result


def nearest_rows(
    queries: np.ndarray, vectors: np.ndarray, rows: np.ndarray, num_neighbours: int
) -> tuple[np.ndarray, np.ndarray]:
    """(Q, k) cosines of a few queries with some rows of many vectors, the largest first, and positions of these rows.

    All are compared, a block at a time; of equal cosines the first row wins. k is `num_neighbours`, or less where there
    are fewer rows.

    Args:
        queries: (Q, D) floating point of any length.
        vectors: (N, D), memory-mapped if need be.
        rows: (M,) positions in `vectors`, ascending.
        num_neighbours: At least 1.
    """
    units = l2_normalise(np.asarray(queries, dtype=np.float32))
    cosines: np.ndarray = np.zeros((len(units), 0), np.float32)
    positions: np.ndarray = np.zeros((len(units), 0), np.int64)
    for start in range(0, len(rows), BLOCK):
        chosen = rows[start : start + BLOCK]
        block = l2_normalise(np.asarray(vectors[chosen], dtype=np.float32))
        cosines = np.concatenate([cosines, units @ block.T], axis=1)
        positions = np.concatenate([positions, np.tile(chosen, (len(units), 1))], axis=1)
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :num_neighbours]
        cosines, positions = (np.take_along_axis(one, order, axis=1) for one in (cosines, positions))
    return cosines, positions
