"""All vectors are compared, or the cells near them, and the nearest is found either way."""

import numpy as np
import pytest

from pipeline.core import neighbours


def clustered(number, seed=0):
    """Vectors in pairs, the pairs around 40 centres."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(40, 32))
    middles = centres[generator.integers(0, 40, number // 2)] + 0.5 * generator.normal(size=(number // 2, 32))
    both = np.concatenate([middles, middles]) + 0.02 * generator.normal(size=(number, 32))
    return neighbours.unit(both)


def test_few_vectors_are_all_compared():
    vectors = clustered(300)
    alike, nearest = neighbours.index(vectors).search(vectors, 5)
    products = vectors @ vectors.T
    assert np.array_equal(nearest, np.argsort(-products, axis=1)[:, :5])
    assert np.allclose(alike, np.sort(products, axis=1)[:, :-6:-1], atol=1e-5)


def test_what_is_not_there_is_marked():
    vectors = clustered(4)
    assert (neighbours.index(vectors).search(vectors, 6)[1][:, 4:] == -1).all()


@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_of_many_vectors_the_nearest_is_still_found(monkeypatch, kind):
    vectors = clustered(6_000)
    monkeypatch.setattr(neighbours, "EXACT", 1_000)
    monkeypatch.setattr(neighbours, "AT_ONCE", 700)
    found = [neighbours.index(vectors.astype(kind)).search(vectors, 2)[1] for _ in range(2)]
    assert np.array_equal(*found)
    partner = (np.arange(6_000) + 3_000) % 6_000
    assert (found[0] == partner[:, None]).any(axis=1).mean() > 0.99


def test_unit_leaves_zero_alone():
    assert np.allclose(neighbours.unit(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0.0, 0.0]])
    assert neighbours.unit(np.ones((1, 2))).dtype == np.float32
