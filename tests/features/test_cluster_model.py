"""Clusters of feature vectors: what is found, in which order, with which probability, and what is refused."""

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.features.cluster_model import ClusterModel, ClusterOptions, Reduction, fit_clusters, refuse_unfit
from pipeline.statistics.partitions import adjusted_rand, contingency

TRUE = np.repeat([0, 1, 2], [60, 40, 20])


def options(**others):
    choices = {
        "algorithm": "kmeans",
        "scaling": "none",
        "num_components": 10,
        "whiten": False,
        "num_starts": 3,
        "seed": 0,
    }
    return ClusterOptions(**(choices | others))


def blobs(distance=8.0, length=6):
    generator = np.random.default_rng(0)
    return distance * np.eye(length)[TRUE] + generator.normal(size=(len(TRUE), length))


def assign(features, num, chosen):
    points = Reduction.fit(features, chosen)(features)
    return fit_clusters(points, num, chosen).assign(points)


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"whiten": True},
        {"scaling": "unit_length"},
        {"algorithm": "mixture"},
        {"algorithm": "mixture", "covariance": "tied"},
        {"algorithm": "mixture", "covariance": "diag"},
    ],
)
def test_separate_groups_are_found_the_largest_first(others):
    found = assign(blobs(), 3, options(**others))
    assert adjusted_rand(contingency(found, TRUE)[None])[0] > 0.97
    assert np.bincount(found).tolist() == sorted(np.bincount(found), reverse=True)


@pytest.mark.parametrize("covariance", ["full", "tied", "diag"])
def test_a_mixture_agrees_with_that_of_scikit_learn(covariance):
    from sklearn.mixture import GaussianMixture

    chosen = options(algorithm="mixture", covariance=covariance, num_starts=1)
    features = blobs(distance=3.0)
    points = Reduction.fit(features, chosen)(features)
    model = fit_clusters(points, 3, chosen)
    other = GaussianMixture(3, covariance_type=covariance, reg_covar=1e-3, max_iter=300, random_state=0).fit(points)
    order = np.argsort(-np.bincount(other.predict(points), minlength=3), kind="stable")
    np.testing.assert_allclose(model.scores(points), other.predict_proba(points)[:, order], atol=1e-5)


def test_scores_of_kmeans_by_hand():
    model = ClusterModel(
        centres=np.array([[0.0], [2.0]]), precisions=np.array([[[1.0]]]), log_shares=np.log([0.5, 0.5])
    )
    # squared distances 0.25 and 2.25, so e^-0.125 against e^-1.125
    np.testing.assert_allclose(
        model.scores(np.array([[0.5]])), [[1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))]], rtol=1e-6
    )
    np.testing.assert_allclose(model.scores(np.array([[1.0]])), [[0.5, 0.5]])


def test_variance_of_kmeans_is_that_around_the_centres():
    points = np.array([[-1.0], [1.0], [9.0], [11.0]])
    model = fit_clusters(points, 2, options())
    np.testing.assert_allclose(model.precisions, [[[1.0]]])


@pytest.mark.parametrize("covariance", ["full", "tied", "diag"])
def test_more_dimensions_than_pictures_and_constant_features_survive(covariance):
    features = np.random.default_rng(1).normal(size=(6, 50))
    features[:, 7] = 3.0
    chosen = options(algorithm="mixture", covariance=covariance)
    points = Reduction.fit(features, chosen)(features)
    scores = fit_clusters(points, 3, chosen).scores(points)
    assert points.shape == (6, 5)
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)


def test_the_same_features_give_the_same_clusters():
    first, second = (fit_clusters(blobs(1.0), 4, options()) for _ in range(2))
    for name in ("centres", "precisions", "log_shares"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize(
    ("features", "num", "message"),
    [
        (np.zeros((0, 3)), 2, "train has no picture, so there is nothing to group"),
        (np.eye(3), 4, "train has 3 pictures, fewer than 4 clusters; set a smaller clusters.num_clusters"),
        (np.ones((5, 3)), 2, "all 5 pictures of train have the same features"),
        (np.array([[1.0], [np.nan]]), 2, "not finite"),
    ],
)
def test_what_cannot_be_grouped_is_refused(features, num, message):
    with pytest.raises(UserError, match=message):
        refuse_unfit(features, num)


def test_copies_are_no_clusters():
    with pytest.raises(UserError, match="train has 2 different pictures to group, fewer than 3 clusters"):
        fit_clusters(np.repeat(np.eye(2), 5, axis=0), 3, options())
