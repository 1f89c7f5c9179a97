"""Pairs of pictures of one photograph: candidates by small thumbnails, decided by the correlation of their pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval
from PIL import Image

from pipeline.core.ranges import Fraction, PositiveInt
from pipeline.datasets.near_duplicates.template_matching import SIDE, match_similarity
from pipeline.statistics import nearest_neighbors

DETAIL = 16  # side of the thumbnails that are searched for candidates
MARGIN = 0.04  # of a side, cut off at each edge to find crops of a picture
BACKGROUND = range(9, 17, 2)  # ranks of the nearest neighbours that give the background similarity
AT_ONCE = 8_192  # pictures looked up in one go


@dataclass(frozen=True, kw_only=True)
class DuplicateSearch:
    """When two pictures count as one photograph.

    Args:
        min_similarity: Correlation of their fine structure, best displacement and zoom, above 0 and at most 1.
        min_distinctiveness: How far above the background similarity a duplicate must be, 0 to 1; see `find_pairs`.
        num_neighbours: Nearest neighbours compared, for each picture, its mirror image and its middle; at least 1.
    """

    min_similarity: Annotated[float, Interval(gt=0, le=1)]
    min_distinctiveness: Fraction
    num_neighbours: PositiveInt


@dataclass(frozen=True, kw_only=True, eq=False)
class CandidatePairs:
    """Pairs of pictures with a similarity of at least `min_similarity`.

    Attributes:
        pairs: (P, 3) as `candidates` returns them, at most one row for two pictures.
        similarity: (P,) of their fine structure.
        distinctiveness: (P,) how far that is above the background similarity: 0 or less not at all, 1 identical.
    """

    pairs: np.ndarray
    similarity: np.ndarray
    distinctiveness: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> CandidatePairs:
        return CandidatePairs(
            pairs=self.pairs[rows], similarity=self.similarity[rows], distinctiveness=self.distinctiveness[rows]
        )


def shrink(array: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, 3) uint8 to (64, 64) uint8: grey, stretched, antialiased."""
    image = Image.fromarray(array)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0).convert("L"))


def find_pairs(
    views: np.ndarray, min_similarity: float, num_neighbours: int, owners: np.ndarray | None = None
) -> CandidatePairs:
    """Pairs that could show the same photograph; pairs of high distinctiveness are duplicates.

    Where all pictures are similar (cells of a solar module, slides of one tissue), similarity proves nothing. So each
    pair is compared with a background c: the highest similarity of either picture to its 9th to 15th nearest
    neighbours. With s the similarity of the pair, its distinctiveness is (s - c) / (1 - c): if what a picture shares
    with its neighbours makes up c of it, that is the correlation of the rest. A photograph that occurs more than eight
    times is its own background. Of samples with several views the neighbours of a view are other samples, each by its
    nearest view. Views of several pictures are searched for by the first one, and are as similar as the least similar
    of their pictures.

    Args:
        views: (N, M, 64, 64) uint8, M pictures each; or (N, 64, 64), one each.
        min_similarity: As `DuplicateSearch` takes it.
        num_neighbours: As `DuplicateSearch` takes it.
        owners: (N,) the sample of each view, ascending; None: each is a sample of its own.
    """
    thumbnails, *others = [views] if views.ndim == 3 else np.moveaxis(views, 1, 0)
    if len(thumbnails) < 2:
        return CandidatePairs(
            pairs=np.zeros((0, 3), dtype=np.int64), similarity=np.zeros(0), distinctiveness=np.zeros(0)
        )
    parts = _parts(len(thumbnails))
    index = nearest_neighbors.build_index(
        np.concatenate([_vectors(thumbnails[part]).astype(np.float16) for part in parts])
    )
    search = NeighbourSearch(index, owners)
    pairs = candidates(thumbnails, search, num_neighbours)
    similar = match_similarity(thumbnails, pairs)
    pairs, similar = pairs[similar >= min_similarity], similar[similar >= min_similarity]
    for other in others:
        similar = np.minimum(similar, match_similarity(other, pairs))
    chosen = (similar >= min_similarity) & _is_better_orientation(pairs, similar)
    pairs, similar = pairs[chosen], similar[chosen]
    own, position = np.unique(pairs[:, :2], return_inverse=True)
    background = background_similarity(thumbnails, search, own)[position.reshape(-1, 2)].max(axis=1, initial=-1)
    return CandidatePairs(
        pairs=pairs, similarity=similar, distinctiveness=(similar - background) / np.maximum(1 - background, 1e-6)
    )


@dataclass(frozen=True, eq=False)
class NeighbourSearch:
    """The nearest neighbours of thumbnails, where those of one sample count once.

    Attributes:
        index: Of the vectors of all thumbnails.
        owners: As `find_pairs` takes them.
    """

    index: nearest_neighbors.Index
    owners: np.ndarray | None = None

    def __call__(self, vectors: np.ndarray, rows: np.ndarray, number: int) -> np.ndarray:
        """(R, number) positions, the nearest first, -1 where there are no more.

        Where samples have several thumbnails, the first position is the row itself and each other one is the nearest
        of its sample.

        Args:
            vectors: (R, 256) of the rows, or of changed copies of them.
            rows: (R,) positions of these thumbnails.
            number: Of neighbours, the row itself among them.
        """
        if self.owners is None:
            nearest: np.ndarray = self.index.search(vectors, number)[1]
            return nearest
        most = int(np.bincount(self.owners).max())
        found = np.column_stack([rows, self.index.search(vectors, min(len(self.owners), most * number))[1]])
        owner = np.where(found < 0, -1, self.owners[found])
        order = np.argsort(owner, axis=1, kind="stable")
        ordered = np.take_along_axis(owner, order, axis=1)
        is_first = np.ones(owner.shape, dtype=bool)
        np.put_along_axis(is_first, order[:, 1:], ordered[:, 1:] != ordered[:, :-1], axis=1)
        found = np.where(is_first, found, -1)
        order = np.argsort(found < 0, axis=1, kind="stable")[:, :number]
        result: np.ndarray = np.take_along_axis(found, order, axis=1)
        return result


def background_similarity(thumbnails: np.ndarray, search: NeighbourSearch, rows: np.ndarray) -> np.ndarray:
    """(R,) similarity of pictures to neighbours that are no duplicates; 0 where there are too few pictures."""
    result = np.zeros(len(rows))
    for part in _parts(len(rows)):
        nearest = search(_vectors(thumbnails[rows[part]]), rows[part], BACKGROUND.stop)
        far = nearest[:, BACKGROUND.start :: BACKGROUND.step]
        own = np.repeat(rows[part, None], far.shape[1], axis=1)
        pairs = np.stack([own, np.where(far < 0, own, far), np.zeros_like(own)], axis=2)
        similar = match_similarity(thumbnails, pairs.reshape(-1, 3), closely=False).reshape(far.shape)
        result[part] = np.where(far < 0, 0, similar).max(axis=1, initial=0)
    return result


def candidates(thumbnails: np.ndarray, search: NeighbourSearch, num_neighbours: int) -> np.ndarray:
    """Pairs to compare closely: each picture with the nearest neighbours of itself, its mirror image and its middle.

    A thumbnail of 16 x 16 pixels suffices (Torralba, Fergus and Freeman 2008, doi:10.1109/TPAMI.2008.128).

    Args:
        thumbnails: (N, 64, 64) uint8.
        search: Of their vectors.
        num_neighbours: For each of the three.

    Returns:
        (P, 3): two positions, the smaller first, and 1 where the second is mirrored; sorted, each once.
    """
    found = []
    for part in _parts(len(thumbnails)):
        block, rows = thumbnails[part], np.arange(part.start, part.stop)
        for mirrored, vectors in ((0, _vectors(block)), (1, _vectors(block[:, :, ::-1])), (0, _vectors(block, MARGIN))):
            nearest = search(vectors, rows, num_neighbours + 1)
            pair = np.stack([np.repeat(rows, nearest.shape[1]), nearest.ravel()], axis=1)
            pair = np.sort(pair[(pair[:, 1] >= 0) & (pair[:, 0] != pair[:, 1])], axis=1)
            found.append(np.column_stack([pair, np.full(len(pair), mirrored)]))
    pairs: np.ndarray = np.unique(np.concatenate(found), axis=0)
    return pairs


def _is_better_orientation(pairs: np.ndarray, similar: np.ndarray) -> np.ndarray:
    """(P,) bool: of two rows for the same pictures, once mirrored and once not, the more similar one."""
    order = np.lexsort((-similar, pairs[:, 1], pairs[:, 0]))
    again = (np.diff(pairs[order, :2], axis=0) == 0).all(axis=1)
    result = np.ones(len(pairs), dtype=bool)
    result[order[1:][again]] = False
    return result


def _vectors(thumbnails: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """(N, 256) float32 of length 1: blurred, without brightness and contrast; of the middle where there is a margin."""
    edges = np.linspace(margin * SIDE, (1 - margin) * SIDE, DETAIL + 1)
    starts, ends = edges[:-1, None], edges[1:, None]
    pixels = np.arange(SIDE)
    pooling = (np.minimum(ends, pixels + 1) - np.maximum(starts, pixels)).clip(0).astype(np.float32)
    flat = (pooling @ thumbnails.astype(np.float32) @ pooling.T).reshape(len(thumbnails), -1)
    return nearest_neighbors.l2_normalise(flat - flat.mean(axis=1, keepdims=True))


def _parts(total: int) -> Iterator[slice]:
    """Slices that cover 0 to total."""
    return (slice(start, min(start + AT_ONCE, total)) for start in range(0, total, AT_ONCE))
