"""In large sets neighbours are found in blocks, and looked for in a bounded number of cells."""

import numpy as np
import pytest

from pipeline.statistics import nearest_neighbors


@pytest.fixture
def pairs():
    """Two hundred vectors of 16 numbers, each followed by a slightly turned and longer copy of itself."""
    generator = np.random.default_rng(0)
    one = generator.normal(size=(200, 16))
    return np.stack([one, 3 * (one + 0.05 * generator.normal(size=one.shape))], axis=1).reshape(400, 16)


@pytest.fixture
def large(monkeypatch):
    """What is a large set, made small: cells instead of all with all, and several blocks."""
    monkeypatch.setattr(nearest_neighbors, "EXACT", 100)
    monkeypatch.setattr(nearest_neighbors, "BLOCK", 64)


def slow(vectors, num):
    length = np.linalg.norm(vectors, axis=1)
    return np.sort(vectors @ vectors.T / np.outer(length, length))[:, ::-1][:, :num]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_cosines_by_comparing_all_with_all(pairs, kind):
    assert nearest_neighbors.nearest_cosines(pairs.astype(kind), 3) == pytest.approx(slow(pairs, 3), abs=2e-3)


@pytest.mark.filterwarnings("ignore")
def test_a_copy_is_found_in_cells_and_blocks_too(pairs, large):
    found = nearest_neighbors.nearest_cosines(pairs.astype(np.float16), 2)
    assert found == pytest.approx(slow(pairs, 2), abs=2e-3)


def test_no_more_neighbours_than_vectors(pairs):
    assert nearest_neighbors.nearest_cosines(pairs[:2], 5).shape == (2, 2)


def test_the_number_of_cells_looked_into_is_a_constant(monkeypatch):
    class Made:
        nprobe = 1

        def train(self, _):
            pass

    import faiss

    monkeypatch.setattr(faiss, "IndexIVFScalarQuantizer", lambda *_: Made())
    sample = np.zeros((1, 4))
    probed = [nearest_neighbors._fill((num, 4), sample, []).nprobe for num in (30_000, 10**6, 10**8)]
    assert probed == [nearest_neighbors.NUM_PROBED] * 3


def clustered(number, seed=0):
    """Vectors in pairs, the pairs around 40 centres."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(40, 32))
    middles = centres[generator.integers(0, 40, number // 2)] + 0.5 * generator.normal(size=(number // 2, 32))
    both = np.concatenate([middles, middles]) + 0.02 * generator.normal(size=(number, 32))
    return nearest_neighbors.l2_normalise(both)


def test_few_vectors_are_all_compared():
    vectors = clustered(300)
    alike, nearest = nearest_neighbors.build_index(vectors).search(vectors, 5)
    products = vectors @ vectors.T
    assert np.array_equal(nearest, np.argsort(-products, axis=1)[:, :5])
    assert np.allclose(alike, np.sort(products, axis=1)[:, :-6:-1], atol=1e-5)


def test_what_is_not_there_is_marked():
    vectors = clustered(4)
    assert (nearest_neighbors.build_index(vectors).search(vectors, 6)[1][:, 4:] == -1).all()


@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_of_many_vectors_the_nearest_is_still_found(monkeypatch, kind):
    vectors = clustered(6_000)
    monkeypatch.setattr(nearest_neighbors, "EXACT", 1_000)
    monkeypatch.setattr(nearest_neighbors, "BLOCK", 700)
    found = [nearest_neighbors.build_index(vectors.astype(kind)).search(vectors, 2)[1] for _ in range(2)]
    assert np.array_equal(*found)
    partner = (np.arange(6_000) + 3_000) % 6_000
    assert (found[0] == partner[:, None]).any(axis=1).mean() > 0.99


def test_unit_leaves_zero_alone():
    assert np.allclose(nearest_neighbors.l2_normalise(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0.0, 0.0]])
    assert nearest_neighbors.l2_normalise(np.ones((1, 2))).dtype == np.float32


def test_the_nearest_of_some_rows_are_found_in_blocks(pairs, large):
    rows = np.arange(1, 400, 2)  # the copies
    queries = pairs[[0, 10, 20]]
    cosines, positions = nearest_neighbors.nearest_rows(queries, pairs.astype(np.float16), rows, 3)
    assert positions[:, 0].tolist() == [1, 11, 21]
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(pairs[rows], axis=1)
    assert cosines == pytest.approx(np.sort(queries @ pairs[rows].T / lengths)[:, ::-1][:, :3], abs=2e-3)


def test_of_equal_ones_the_first_row_is_nearest_and_few_rows_give_few_neighbours():
    cosines, positions = nearest_neighbors.nearest_rows(np.eye(2)[:1], np.ones((3, 2)), np.array([0, 2]), 5)
    assert positions.tolist() == [[0, 2]]
    assert cosines == pytest.approx(np.full((1, 2), 0.5**0.5))
    assert nearest_neighbors.nearest_rows(np.eye(2), np.ones((3, 2)), np.zeros(0, np.int64), 5)[0].shape == (2, 0)
