"""Distances of features from those of train: by hand, against numpy, and with more features than pictures."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.feature_reference import FeatureReference
from pipeline.training.distances.mahalanobis import Mahalanobis
from pipeline.training.distances.nearest_neighbours import NearestNeighbours

DISTANCES = {"neighbours": NearestNeighbours(k=3), "mahalanobis": Mahalanobis(num_directions=256)}


def measure(distance, train, targets, features):
    return FeatureReference(distance=distance, fitted=distance.fit(train, targets)).measure(features)


def test_neighbours_by_hand():
    """At 90 degrees the distance is the root of 2, at 180 it is 2; lengths do not count."""
    train = np.array([[1, 0], [0, 5], [-2, 0]], dtype=np.float32)
    features = np.array([[3, 0]], dtype=np.float32)
    for k, expected in ((1, 0.0), (2, 2**0.5), (3, 2.0), (99, 2.0)):
        assert measure(NearestNeighbours(k=k), train, np.ones((3, 1)), features) == pytest.approx([expected], abs=1e-6)
    zero = measure(NearestNeighbours(k=1), train, np.ones((3, 1)), np.zeros((1, 2), np.float32))
    assert zero == pytest.approx([2**0.5])  # no direction is at 90 degrees to all


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 12))
def test_mahalanobis_is_that_of_the_shrunk_covariance(seed, number, length):
    """With all directions kept it is numpy's inverse of scikit-learn's covariance."""
    from sklearn.covariance import ledoit_wolf

    generator = np.random.default_rng(seed)
    train = generator.normal(size=(number, length)) * generator.uniform(0.5, 3, length)
    labels = generator.integers(0, 3, number)
    means = np.stack([train[labels == one].mean(axis=0) for one in np.unique(labels)])
    residuals = train - means[np.unique(labels, return_inverse=True)[1]]
    lengths, directions = np.linalg.eigh(ledoit_wolf(residuals, assume_centered=True)[0])
    covariance = directions * np.maximum(lengths, 1e-6 * train.var(axis=0).mean()) @ directions.T
    if np.linalg.cond(covariance) > 1e4:
        return
    features = generator.normal(size=(5, length)).astype(np.float32) * 4
    offsets = features[:, None] - means[None]
    expected = np.sqrt(np.einsum("nkd,de,nke->nk", offsets, np.linalg.inv(covariance), offsets).min(axis=1))
    found = measure(Mahalanobis(num_directions=256), train.astype(np.float32), np.eye(3)[labels], features)
    np.testing.assert_allclose(found, expected, rtol=2e-2)


def test_mahalanobis_of_few_directions():
    """What is far along a direction of little variance is farther than along one of much."""
    generator = np.random.default_rng(0)
    train = (generator.normal(size=(500, 20)) * ([10.0] * 2 + [1.0] * 18)).astype(np.float32)
    distance = Mahalanobis(num_directions=2)
    features = np.zeros((2, 20), np.float32)
    features[0, 0] = features[1, 5] = 20
    wide, narrow = measure(distance, train, np.ones((500, 1)), features)
    assert wide == pytest.approx(2, rel=0.15)
    assert narrow == pytest.approx(20, rel=0.15)
    assert distance.fit(train, np.ones((500, 1)))["directions"].shape == (2, 20)


@pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES)
@pytest.mark.parametrize("number", [5, 50])
def test_fewer_pictures_than_features(distance, number):
    """Other pictures of the same kind are nearer than noise, also with a class of one picture."""
    generator = np.random.default_rng(1)
    basis = generator.normal(size=(2, 300))
    alike = (generator.normal((4, 0), size=(number + 40, 2)) @ basis).astype(np.float32)
    targets = np.eye(2)[[1] + [0] * (number - 1)]
    other = (generator.normal(size=(40, 300)) * alike.std()).astype(np.float32)
    near, far = (measure(distance, alike[:number], targets, one) for one in (alike[number:], other))
    assert np.isfinite(near).all()
    assert (near[:, None] < far[None, :]).mean() > 0.95


@pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES)
def test_features_that_never_vary(distance):
    train = np.full((4, 3), 0.5, np.float32)
    found = measure(distance, train, np.ones((4, 1)), np.array([[0.5] * 3, [0.5, 0.5, 9.0]], np.float32))
    assert found[0] == pytest.approx(0, abs=1e-3)
    assert found[1] > found[0]
    assert np.isfinite(found).all()


def test_the_scale_of_features_is_none_of_the_distance_where_classes_do_not_vary():
    """All pictures of a class have the same features: no covariance is left."""
    train = np.repeat(np.array([[0.25, 0.5], [1.0, 0.5]]), 4, axis=0).astype(np.float32)
    targets = np.repeat(np.eye(2), 4, axis=0)
    fitted, scaled = (Mahalanobis(num_directions=1).fit(one, targets) for one in (train, 1024 * train))
    np.testing.assert_allclose(scaled["precisions"] * 1024**2, fitted["precisions"], rtol=1e-5)
    assert fitted["precisions"][0] == pytest.approx(1e6 / train.var(axis=0).mean())


@pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES)
def test_no_picture(distance):
    fitted = {name: torch.from_numpy(one) for name, one in distance.fit(np.eye(4, dtype=np.float32), np.eye(4)).items()}
    assert distance.measure(torch.zeros(0, 4), fitted).shape == (0,)
