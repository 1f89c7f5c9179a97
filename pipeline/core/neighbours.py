"""Nearest neighbours among many vectors of length 1: all are compared up to some size, above it the nearest cells."""

from __future__ import annotations

from typing import Any

import numpy as np

EXACT = 20_000  # vectors up to which every one is compared with every other


def index(vectors: np.ndarray) -> Any:
    """Something of faiss to `search`; deterministic, and never quadratic in large sets.

    Args:
        vectors: (N, D) float32 of length 1; their inner product is how alike they are.
    """
    import faiss

    made: Any
    if len(vectors) <= EXACT:
        made = faiss.IndexFlatIP(vectors.shape[1])
    else:
        cells = int(4 * np.sqrt(len(vectors)))
        made = faiss.IndexIVFFlat(
            faiss.IndexFlatIP(vectors.shape[1]), vectors.shape[1], cells, faiss.METRIC_INNER_PRODUCT
        )
        made.nprobe = max(8, cells // 32)
        made.train(vectors[:: max(1, len(vectors) // (40 * cells))])
    made.add(vectors)
    return made


def unit(vectors: np.ndarray) -> np.ndarray:
    """The same directions, (N, D) float32 of length 1; what is zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: np.ndarray = np.ascontiguousarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
    return result
