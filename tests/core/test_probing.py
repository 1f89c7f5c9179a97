"""Features are made compact in bounded memory, and any number of them alike."""

import numpy as np
import pytest

from pipeline.core import neighbours, probing


@pytest.fixture
def features():
    """Five directions tell all of forty numbers; float16, as embed writes them."""
    generator = np.random.default_rng(0)
    return (generator.normal(size=(300, 5)) @ generator.normal(size=(5, 40)) + 3).astype(np.float16)


def distances(reduced):
    return np.linalg.norm(reduced[:, None] - reduced, axis=2)


def test_compact_keeps_the_distances_of_directions(features):
    unit = features / np.linalg.norm(features.astype(float), axis=1, keepdims=True)
    assert distances(probing.compact(features, 0)) == pytest.approx(distances(unit), abs=2e-3)


def test_components_learnt_from_a_part_and_applied_in_blocks_say_the_same(features, monkeypatch):
    whole = probing.compact(features, 0)
    for module, name, value in ((probing, "NUM_FITTED", 100), (probing, "BLOCK", 64), (neighbours, "BLOCK", 64)):
        monkeypatch.setattr(module, name, value)
    parts = probing.compact(features, 0)
    assert parts.dtype == whole.dtype == np.float32
    assert distances(parts) == pytest.approx(distances(whole), abs=2e-3)


def test_the_features_are_left_as_they_are(features):
    before = features.astype(np.float32)
    kept = before.copy()
    probing.compact(before, 0)
    assert np.array_equal(before, kept)
