"""The similarity of the middle of one picture to the best matching part of another, at several zooms."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from pipeline.core.parallel import SMALL, num_workers, parallel_map

SIDE = 64  # of a thumbnail
WINDOW = 44  # side of the part of one picture that is searched for in the other
COARSE_ZOOMS = (1.0, 0.92, 1 / 0.92)  # a crop shows the same things larger
FINE_ZOOMS = ((0.96, 1 / 0.96), (0.84, 0.88, 0.96), (1 / 0.84, 1 / 0.88, 1 / 0.96))  # near each coarse one
WORTHWHILE = 0.75  # pairs less similar than this at the coarse zooms are not tried at the fine ones
BLOCK = 128  # pairs compared at once


def match_similarity(thumbnails: np.ndarray, pairs: np.ndarray, closely: bool = True) -> np.ndarray:
    """(P,) similarity of the middle of each pair's second picture to the best part of the first one, -1 to 1.

    The largest normalised cross-correlation (Lewis 1995, Fast Template Matching, Vision Interface) of fine structure
    over all displacements and three zooms, then those near the best of them. Brightness, contrast and shading have
    no influence, size and compression hardly any.

    Args:
        thumbnails: (N, 64, 64) uint8.
        pairs: (P, 3): two positions, and 1 where the second picture is mirrored.
        closely: Whether the zooms near the best one are tried too.
    """
    coarse = _best_correlations(thumbnails, pairs, COARSE_ZOOMS)
    result: np.ndarray = coarse.max(axis=1, initial=-1)
    zoom = np.where((result >= WORTHWHILE) & closely, coarse.argmax(axis=1), -1)
    for number, zooms in enumerate(FINE_ZOOMS):
        rows = np.flatnonzero(zoom == number)
        result[rows] = np.maximum(
            result[rows], _best_correlations(thumbnails, pairs[rows], zooms).max(axis=1, initial=-1)
        )
    return result


def _best_correlations(thumbnails: np.ndarray, pairs: np.ndarray, zooms: Sequence[float]) -> np.ndarray:
    """(P, Z) the largest correlation over all displacements at each zoom; of many pairs by the engine."""
    blocks = [pairs[start : start + BLOCK] for start in range(0, len(pairs), BLOCK)]
    compare, cut = partial(_compare, zooms), partial(_cut, thumbnails)
    if len(blocks) >= SMALL:
        found = list(parallel_map(compare, map(cut, blocks), len(blocks), "find_duplicates"))
    else:
        with ThreadPoolExecutor(num_workers()) as pool:  # numpy and scipy let other threads run meanwhile
            found = list(pool.map(compare, map(cut, blocks)))
    return np.concatenate([np.zeros((0, len(zooms))), *found])


def _cut(thumbnails: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The thumbnails of these pairs alone, and the pairs as positions among them."""
    names, position = np.unique(pairs[:, :2], return_inverse=True)
    return thumbnails[names], np.column_stack([position.reshape(-1, 2), pairs[:, 2]])


def _compare(zooms: Sequence[float], block: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    from scipy import fft

    thumbnails, pairs = block
    first, left = np.unique(pairs[:, 0], return_inverse=True)  # most pictures are in several pairs
    second, right = np.unique(pairs[:, 1], return_inverse=True)
    whole, other = _structure(thumbnails[first]), _structure(thumbnails[second])[right]
    other = np.where(pairs[:, 2, None, None] == 1, other[:, :, ::-1], other)
    spectrum, scale = fft.rfft2(whole)[left], _scale(whole)[left]
    places, best = SIDE - WINDOW + 1, []
    for weights in map(_zoom_matrix, zooms):
        part = weights @ other @ weights.T
        part -= part.mean(axis=(1, 2), keepdims=True)
        part /= np.linalg.norm(part, axis=(1, 2), keepdims=True) + 1e-3
        matched = fft.irfft2(spectrum * fft.rfft2(part, (SIDE, SIDE)).conj(), (SIDE, SIDE))
        best.append((matched[:, :places, :places] * scale).max(axis=(1, 2)))
    return np.stack(best, axis=1)


def _structure(thumbnails: np.ndarray) -> np.ndarray:
    """(P, 64, 64) float32: what stands out from the neighbourhood of 11 pixels, itself smoothed over 3."""
    from scipy.ndimage import uniform_filter

    pixels = thumbnails.astype(np.float32)
    fine: np.ndarray = uniform_filter(pixels, (0, 3, 3)) - uniform_filter(pixels, (0, 11, 11))
    return fine


def _scale(whole: np.ndarray) -> np.ndarray:
    """(P, places, places) float32: one over the length of each window, once its mean is taken away."""
    from scipy.ndimage import uniform_filter1d

    places, inner = SIDE - WINDOW + 1, slice(WINDOW // 2, WINDOW // 2 + SIDE - WINDOW + 1)
    means = []
    for power in (whole, whole**2):
        rows = uniform_filter1d(power, WINDOW, axis=1)[:, inner]
        means.append(uniform_filter1d(rows, WINDOW, axis=2)[:, :, inner])
    variance = np.maximum(means[1] - means[0] ** 2, 1e-3 / WINDOW**2)
    assert variance.shape[1:] == (places, places)
    result: np.ndarray = 1 / (WINDOW * np.sqrt(variance))
    return result


def _zoom_matrix(zoom: float) -> np.ndarray:
    """(WINDOW, SIDE): linear interpolation of a line's middle, `WINDOW * zoom` pixels long, at WINDOW places."""
    places = (np.arange(WINDOW) + 0.5) / WINDOW * WINDOW * zoom + (SIDE - WINDOW * zoom) / 2 - 0.5
    distance = np.abs(places[:, None] - np.arange(SIDE)[None, :])
    weights: np.ndarray = np.clip(1 - distance, 0, None).astype(np.float32)
    return weights
