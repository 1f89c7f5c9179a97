"""Nearest neighbours among many vectors of length 1: all are compared up to some size, above it the nearest cells."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

EXACT = 20_000  # vectors up to which every one is compared with every other
NUM_PROBED = 32  # cells looked into for each query; a constant, or the search would be quadratic
AT_ONCE = 8_192  # vectors converted and added in one go


class Index(Protocol):
    """What faiss makes."""

    def search(self, queries: np.ndarray, num_neighbours: int) -> tuple[np.ndarray, np.ndarray]:
        """(Q, num_neighbours) inner products, the largest first, and positions, -1 where there is none."""


def index(vectors: np.ndarray) -> Index:
    """Something to `search`; deterministic, and n to the power of 1.5 in large sets, whose vectors it keeps in halves.

    Above `EXACT` vectors it is faiss's inverted file (Jegou, Douze and Schmid 2011, doi:10.1109/TPAMI.2010.57): a
    query is compared with what lies in the cells nearest to it.

    Args:
        vectors: (N, D) of length 1, float32 or float16; their inner product is how alike they are.
    """
    import faiss

    total, length = vectors.shape
    made: Any = faiss.IndexFlatIP(length)
    if total > EXACT:
        cells = int(4 * np.sqrt(total))
        halves, product = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        made = faiss.IndexIVFScalarQuantizer(made, length, cells, halves, product)
        made.nprobe = NUM_PROBED
        made.train(np.ascontiguousarray(vectors[:: max(1, total // (40 * cells))], dtype=np.float32))
    for start in range(0, total, AT_ONCE):
        made.add(np.ascontiguousarray(vectors[start : start + AT_ONCE], dtype=np.float32))
    found: Index = made
    return found


def unit(vectors: np.ndarray) -> np.ndarray:
    """The same directions, (N, D) float32 of length 1; what is zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: np.ndarray = np.ascontiguousarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
    return result
