"""Which pictures are the same photograph, whatever was done to it: found by their looks, decided on their pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from pipeline.core import neighbours

SIDE = 64  # of a thumbnail
DETAIL = 16  # side of what candidates are looked up by
WINDOW = 44  # side of the part of one picture that is searched for in the other
COARSE_ZOOMS = (1.0, 0.92, 1 / 0.92)  # a crop shows the same things larger
FINE_ZOOMS = (0.84, 0.88, 0.96, 1 / 0.96, 1 / 0.88, 1 / 0.84)
WORTHWHILE = 0.75  # pairs less similar than this at the coarse zooms are not tried at the fine ones
BLOCK = 128  # pairs compared at once
CROWD, NUM_PROBED, CROWD_SHARE = 8, 250, 0.99  # look-alikes that are no twins: how many of how many, and their quantile


def thumbnail(array: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, 3) uint8 to (64, 64) uint8: grey, stretched, antialiased."""
    image = Image.fromarray(array)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0).convert("L"))


def find(thumbnails: np.ndarray, min_similarity: float, num_neighbours: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Pairs that show the same photograph.

    Where everything resembles everything (cells of a solar module, slides of one tissue), likeness proves nothing. So
    the limit is `min_similarity` or what look-alikes that are no twins reach, whichever is larger: the 99 % quantile
    of how similar pictures are to their fifth to eighth nearest, on 250 pictures spread over the set.

    Args:
        thumbnails: (N, 64, 64) uint8.
        min_similarity: Lowest accepted similarity, above 0 and at most 1.
        num_neighbours: Looked at for each picture and for its mirror image.

    Returns:
        (P, 3) pairs as `candidates` returns them, (P,) their similarity, and the limit that was applied.
    """
    if len(thumbnails) < 2:
        return np.zeros((0, 3), dtype=np.int64), np.zeros(0), min_similarity
    limit = max(min_similarity, crowd(thumbnails))
    pairs = candidates(thumbnails, num_neighbours)
    similar = similarity(thumbnails, pairs)
    return pairs[similar >= limit], similar[similar >= limit], limit


def crowd(thumbnails: np.ndarray) -> float:
    """How similar pictures are to look-alikes that are no twins; 0 where there are too few pictures to tell."""
    if len(thumbnails) < 4 * CROWD:
        return 0.0
    looks = _looks(thumbnails)
    probed = np.unique(np.linspace(0, len(looks) - 1, NUM_PROBED).astype(np.int64))
    _, nearest = neighbours.index(looks).search(looks[probed], CROWD + 1)
    far = nearest[:, CROWD // 2 + 1 :]
    pairs = np.column_stack([np.repeat(probed, far.shape[1]), far.ravel(), np.zeros(far.size, dtype=np.int64)])
    return float(np.quantile(similarity(thumbnails, pairs[pairs[:, 1] >= 0]), CROWD_SHARE))


def candidates(thumbnails: np.ndarray, num_neighbours: int) -> np.ndarray:
    """Pairs worth a closer look: each picture with those that look most like it, or like its mirror image.

    A thumbnail of 16 x 16 pixels tells enough (Torralba, Fergus and Freeman 2008, doi:10.1109/TPAMI.2008.128). Above
    20,000 pictures the search looks only into the nearest of many cells (faiss's inverted file), so that nothing is
    quadratic.

    Args:
        thumbnails: (N, 64, 64) uint8.
        num_neighbours: Looked at for each picture and for its mirror image.

    Returns:
        (P, 3): two positions, the smaller first, and 1 where the second is mirrored; sorted, each once.
    """
    looks, mirrored = _looks(thumbnails), _looks(thumbnails[:, :, ::-1])
    index = neighbours.index(looks)
    found = []
    for turned, queries in enumerate((looks, mirrored)):
        _, nearest = index.search(queries, min(num_neighbours + 1 - turned, len(looks)))
        left = np.repeat(np.arange(len(looks)), nearest.shape[1])
        right = nearest.ravel()
        keep = (right >= 0) & (left != right)
        pair = np.sort(np.stack([left[keep], right[keep]], axis=1), axis=1)
        found.append(np.column_stack([pair, np.full(len(pair), turned)]))
    pairs: np.ndarray = np.unique(np.concatenate(found).astype(np.int64), axis=0)
    return pairs


def _looks(thumbnails: np.ndarray) -> np.ndarray:
    """(N, 256) float32 of length 1: blurred, without brightness and contrast."""
    step = SIDE // DETAIL
    small = thumbnails.reshape(len(thumbnails), DETAIL, step, DETAIL, step).mean(axis=(2, 4), dtype=np.float32)
    flat = small.reshape(len(small), -1)
    return neighbours.unit(flat - flat.mean(axis=1, keepdims=True))


def similarity(thumbnails: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """How well the middle of each pair's second picture is found in the first one, -1 to 1.

    The largest normalised cross-correlation (Lewis 1995, Fast Template Matching, Vision Interface) of fine structure
    over all displacements and nine zooms. Brightness, contrast and shading do not enter, size and compression hardly.

    Args:
        thumbnails: (N, 64, 64) uint8.
        pairs: (P, 3) as `candidates` returns them.
    """
    result = _best(thumbnails, pairs, COARSE_ZOOMS)
    close = result >= WORTHWHILE
    result[close] = np.maximum(result[close], _best(thumbnails, pairs[close], FINE_ZOOMS))
    return result


def _best(thumbnails: np.ndarray, pairs: np.ndarray, zooms: Sequence[float]) -> np.ndarray:
    """(P,) the largest correlation over all displacements and the given zooms."""
    blocks = [pairs[start : start + BLOCK] for start in range(0, len(pairs), BLOCK)]
    return np.concatenate([np.zeros(0), *(_block(thumbnails, block, zooms) for block in blocks)])


def _block(thumbnails: np.ndarray, pairs: np.ndarray, zooms: Sequence[float]) -> np.ndarray:
    from scipy import fft

    left, right, turned = pairs.T
    whole, other = _structure(thumbnails[left]), _structure(thumbnails[right])
    other = np.where(turned[:, None, None] == 1, other[:, :, ::-1], other)
    spectrum, spread = fft.rfft2(whole), _spread(whole)
    places, best = SIDE - WINDOW + 1, np.full(len(pairs), -1.0)
    for weights in map(_zoomed, zooms):
        part = weights @ other @ weights.T
        part -= part.mean(axis=(1, 2), keepdims=True)
        part /= np.linalg.norm(part, axis=(1, 2), keepdims=True) + 1e-3
        matched = fft.irfft2(spectrum * fft.rfft2(part, (SIDE, SIDE)).conj(), (SIDE, SIDE))
        best = np.maximum(best, (matched[:, :places, :places] / spread).max(axis=(1, 2)))
    return best


def _structure(thumbnails: np.ndarray) -> np.ndarray:
    """(P, 64, 64) float32: what stands out from the neighbourhood of 11 pixels, itself smoothed over 3."""
    from scipy.ndimage import uniform_filter

    pixels = thumbnails.astype(np.float32)
    fine: np.ndarray = uniform_filter(pixels, (0, 3, 3)) - uniform_filter(pixels, (0, 11, 11))
    return fine


def _spread(whole: np.ndarray) -> np.ndarray:
    """(P, places, places): the length of each window of the first picture, once its mean is taken away."""
    padded = np.pad(whole.astype(np.float64), ((0, 0), (1, 0), (1, 0)))
    sums = []
    for power in (padded, padded**2):
        table = power.cumsum(axis=1).cumsum(axis=2)
        sums.append(
            table[:, WINDOW:, WINDOW:]
            - table[:, :-WINDOW, WINDOW:]
            - table[:, WINDOW:, :-WINDOW]
            + table[:, :-WINDOW, :-WINDOW]
        )
    result: np.ndarray = np.sqrt(np.maximum(sums[1] - sums[0] ** 2 / WINDOW**2, 1e-3))
    return result


def _zoomed(zoom: float) -> np.ndarray:
    """(WINDOW, SIDE): linear interpolation of a line's middle, `WINDOW * zoom` pixels long, at WINDOW places."""
    places = (np.arange(WINDOW) + 0.5) / WINDOW * WINDOW * zoom + (SIDE - WINDOW * zoom) / 2 - 0.5
    distance = np.abs(places[:, None] - np.arange(SIDE)[None, :])
    weights: np.ndarray = np.clip(1 - distance, 0, None).astype(np.float32)
    return weights
