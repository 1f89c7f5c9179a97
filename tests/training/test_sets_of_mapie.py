"""Prediction sets are those of MAPIE, which has split-conformal sets of its own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.classification import SplitConformalClassifier
from policy_examples import policy_options
from sklearn.base import BaseEstimator, ClassifierMixin

from pipeline.training.policy_fit import fit_sets

# a part of val may lack a class, and the part of one class lacks the others
pytestmark = pytest.mark.filterwarnings("ignore:WARNING. your conformalization dataset has less labels")
NUM_CLASSES = 3
CLASSES = ["a", "b", "c"]


class GivenScores(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose features are its scores."""

    def __init__(self):
        self.classes_ = np.arange(NUM_CLASSES)

    def fit(self, scores, labels):
        return self

    def predict_proba(self, scores):
        return scores

    def predict(self, scores):
        return scores.argmax(axis=1)


def sample(generator, number):
    """Scores, and labels that follow them."""
    scores = generator.dirichlet([0.6] * NUM_CLASSES, size=number)
    labels = (scores.cumsum(axis=1) > generator.random((number, 1))).argmax(axis=1)
    return scores, labels


def sets_of_mapie(scores, labels, new, coverage):
    """Least ambiguous sets (LAC; Sadinle et al. 2019, arXiv:1609.00451), the score 1 - p of MAPIE."""
    classifier = SplitConformalClassifier(GivenScores(), confidence_level=coverage, conformity_score="lac")
    return classifier.conformalize(scores, labels).predict_set(new)[1][:, :, 0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 120), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_sets_over_all_classes(seed, number, coverage):
    generator = np.random.default_rng(seed)
    (scores, labels), (new, _) = sample(generator, number), sample(generator, 50)
    options = policy_options(coverage=coverage)
    thresholds, _ = fit_sets(options, np.eye(NUM_CLASSES)[labels], scores, np.arange(number), CLASSES, True)
    np.testing.assert_array_equal(new >= np.array(thresholds), sets_of_mapie(scores, labels, new, coverage))


@pytest.mark.parametrize("seed", range(5))
def test_sets_of_each_class(seed):
    """Mondrian: MAPIE on the samples of a class alone says whether the class is in a set."""
    generator = np.random.default_rng(seed)
    (scores, labels), (new, _) = sample(generator, 150), sample(generator, 50)
    options = policy_options(coverage=0.8, sets="per_class")
    thresholds, _ = fit_sets(options, np.eye(NUM_CLASSES)[labels], scores, np.arange(150), CLASSES, True)
    for column in range(NUM_CLASSES):
        own = labels == column
        theirs = sets_of_mapie(scores[own], labels[own], new, 0.8)[:, column]
        np.testing.assert_array_equal(new[:, column] >= thresholds[column], theirs)
