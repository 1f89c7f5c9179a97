"""In large sets neighbours are found in blocks, and looked for in a bounded number of cells."""

import numpy as np
import pytest

from pipeline.core import neighbours


@pytest.fixture
def pairs():
    """Two hundred vectors of 16 numbers, each followed by a slightly turned and longer copy of itself."""
    generator = np.random.default_rng(0)
    one = generator.normal(size=(200, 16))
    return np.stack([one, 3 * (one + 0.05 * generator.normal(size=one.shape))], axis=1).reshape(400, 16)


@pytest.fixture
def large(monkeypatch):
    """What is a large set, made small: cells instead of all with all, and several blocks."""
    monkeypatch.setattr(neighbours, "EXACT", 100)
    monkeypatch.setattr(neighbours, "BLOCK", 64)


def slow(vectors, num):
    length = np.linalg.norm(vectors, axis=1)
    return np.sort(vectors @ vectors.T / np.outer(length, length))[:, ::-1][:, :num]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_cosines_by_comparing_all_with_all(pairs, kind):
    assert neighbours.cosines(pairs.astype(kind), 3) == pytest.approx(slow(pairs, 3), abs=2e-3)


@pytest.mark.filterwarnings("ignore")
def test_a_copy_is_found_in_cells_and_blocks_too(pairs, large):
    found = neighbours.cosines(pairs.astype(np.float16), 2)
    assert found == pytest.approx(slow(pairs, 2), abs=2e-3)


def test_no_more_neighbours_than_vectors(pairs):
    assert neighbours.cosines(pairs[:2], 5).shape == (2, 2)


def test_the_number_of_cells_looked_into_is_bounded(monkeypatch):
    class Index:
        nprobe = 1

        def train(self, _):
            pass

    import faiss

    monkeypatch.setattr(faiss, "IndexIVFFlat", lambda *_: Index())
    probed = [neighbours._filled((num, 4), None, [], half=False).nprobe for num in (30_000, 60_000, 10**6, 10**8)]
    assert probed == [21, 30, 32, 32]


def test_a_vector_of_zeros_stays_zero():
    found = neighbours.unit(np.array([[0.0, 0.0], [3.0, 4.0]]))
    assert found == pytest.approx(np.array([[0.0, 0.0], [0.6, 0.8]]))
