"""What a model adds to the properties of the pictures, by hand."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from pipeline.core.beyond import BEYOND, beyond_nuisances, is_below, sentence
from pipeline.core.scoring import mean_recall

CHECKS = {"nuisance_baseline": {"value": 0.6}}
EYE = np.eye(2)


def measured(right, groups=None, checks=CHECKS):
    truth = np.arange(len(right)) % 2
    decided = EYE[np.where(right, truth, 1 - truth)].astype(bool)
    groups = np.arange(len(right)) if groups is None else groups
    return beyond_nuisances(checks, EYE[truth], decided, groups, 200, 0)


def test_balanced_accuracy_less_the_baseline():
    entry = measured([True] * 18 + [False] * 2)[BEYOND]  # recalls 0.9 and 0.9
    assert entry["value"] == pytest.approx(0.3)
    assert entry["n"] == 20
    assert 0.1 < entry["low"] < 0.3 < entry["high"] <= 0.4


def test_one_group_has_no_interval():
    entry = measured([True] * 4, groups=np.zeros(4))[BEYOND]
    assert (entry["value"], entry["low"], entry["high"]) == (pytest.approx(0.4), None, None)


def test_without_the_check_nothing_is_said():
    assert measured([True] * 4, checks={}) == {}
    assert sentence(None) == ""


def test_several_labels_count_presence_and_absence():
    targets = np.array([[1, 1], [1, 0], [0, 0], [0, 0]])
    decided = np.array([[1, 1], [0, 0], [0, 0], [0, 1]], dtype=bool)
    # label 0: half of those present, all of those absent; label 1: all of one, two of three
    assert mean_recall(targets, decided, np.ones((1, 4)))[0] == pytest.approx((0.75 + (1 + 2 / 3) / 2) / 2)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_mean_recall_is_balanced_accuracy(pairs):
    truth, choice = np.array(pairs).T
    assume(len(np.unique(truth)) > 1 and np.isin(choice, truth).all())  # scikit-learn warns of what does not occur
    found = mean_recall(np.eye(3)[truth], np.eye(3)[choice].astype(bool), np.ones((1, len(pairs))))[0]
    assert found == pytest.approx(balanced_accuracy_score(truth, choice))


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (
            0.2,
            0.1,
            0.3,
            "20.0 points above what the properties of the pictures alone reach, between +10.0 and +30.0: it",
        ),
        (0.0, -0.1, 0.1, "this test does not show that it has learnt more than these"),
        (-0.2, -0.3, -0.1, "20.0 points below what the properties of the pictures alone reach"),
        (0.2, None, None, "no interval says how sure that is"),
        (None, None, None, ""),
    ],
)
def test_sentences(value, low, high, words):
    entry = {"value": value, "low": low, "high": high, "n": 4}
    assert words in sentence(entry)
    assert is_below(entry) is (high is not None and high < 0)
