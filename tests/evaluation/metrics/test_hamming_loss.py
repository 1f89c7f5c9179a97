"""Right and wrong decisions over all pairs of sample and label, and over those of each label."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from pipeline.core import config
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.hamming_loss import HammingLoss
from pipeline.evaluation.metrics.label_accuracy import LabelAccuracy
from pipeline.evaluation.metrics.ranking import Ranking
from pipeline.evaluation.metrics.rate import Rate

ROWS = st.lists(st.tuples(*[st.booleans()] * 6, *[st.integers(0, 4)] * 3), min_size=1, max_size=12)


def test_by_hand():
    targets = np.array([[1, 0, 1], [0, 0, 0]])
    decided = np.array([[True, True, False], [False, False, False]])  # two of six wrong
    weights = np.array([[1.0, 1.0], [1.0, 3.0], [0.0, 2.0]])
    np.testing.assert_allclose(HammingLoss(averaging="macro")(targets, decided, decided, weights), [1 / 3, 2 / 12, 0])


def test_each_label_by_hand():
    targets = np.array([[1, 0, 1], [0, 0, 0]])
    decided = np.array([[True, True, False], [False, False, False]])  # the second and the third label, of the first one
    weights = np.array([[1.0, 1.0], [1.0, 3.0], [0.0, 0.0]])
    expected = np.array([[0, 1 / 2, 1 / 2], [0, 1 / 4, 1 / 4], [np.nan] * 3])
    np.testing.assert_allclose(HammingLoss(averaging="none")(targets, decided, decided, weights), expected)
    np.testing.assert_allclose(LabelAccuracy(averaging="none")(targets, decided, decided, weights), 1 - expected)
    mean = LabelAccuracy(averaging="macro")(targets, decided, decided, weights)
    np.testing.assert_allclose(mean, [2 / 3, 5 / 6, np.nan])


def test_the_node_of_an_earlier_run_is_the_mean_over_all_labels():
    """`colibri compare` builds the metrics of both runs; those of Colibri before had no averaging."""
    node = {"_target_": "pipeline.evaluation.metrics.hamming_loss.HammingLoss"}
    assert config.build(node, "metric.hamming_loss") == HammingLoss(averaging="macro")


def test_smaller_is_better():
    assert not HammingLoss(averaging="macro").larger_is_better
    assert Accuracy().larger_is_better


def test_all_samples_count_alike():
    support = HammingLoss(averaging="macro").support(np.zeros((3, 2)), np.zeros((3, 2), dtype=bool))
    np.testing.assert_array_equal(support, np.ones((3, 1), dtype=bool))
    for metric in (HammingLoss, LabelAccuracy):
        support = metric(averaging="none").support(np.zeros((3, 2)), np.zeros((3, 2), dtype=bool))
        np.testing.assert_array_equal(support, np.ones((3, 2), dtype=bool))


@given(ROWS)
def test_metrics_of_several_labels_are_scikit_learns(rows):
    """Rows of zeros, labels that nobody or everybody has, and tied scores included."""
    table = np.array(rows, dtype=int)
    targets, decided, scores = table[:, :3], table[:, 3:6].astype(bool), table[:, 6:] / 4
    ones = np.ones((1, len(table)))

    def value(metric):
        return metric(targets, decided, scores, ones)[0]

    assert value(HammingLoss(averaging="macro")) == pytest.approx(sklearn.hamming_loss(targets, decided))
    assert value(Accuracy()) == pytest.approx(sklearn.accuracy_score(targets, decided))
    each = [sklearn.accuracy_score(one, other) for one, other in zip(targets.T, decided.T, strict=True)]
    np.testing.assert_allclose(value(LabelAccuracy(averaging="none")), each)
    assert value(LabelAccuracy(averaging="macro")) == pytest.approx(np.mean(each))
    each = [sklearn.hamming_loss(one, other) for one, other in zip(targets.T, decided.T, strict=True)]
    np.testing.assert_allclose(value(HammingLoss(averaging="none")), each, atol=1e-12)
    for number in ("precision", "recall", "f1"):
        measure = getattr(sklearn, f"{number}_score")
        expected = measure(targets, decided, average="micro", zero_division=np.nan)
        if number == "precision" and np.isnan(expected) and targets.any():
            expected = 0.0  # as for a single class: labels there are, none was given
        assert value(Rate(number=number, averaging="micro")) == pytest.approx(expected, nan_ok=True)
    occurring = targets.any(axis=0)
    if occurring.any():
        expected = sklearn.average_precision_score(targets[:, occurring], scores[:, occurring], average="macro")
        assert value(Ranking(number="average_precision", averaging="macro")) == pytest.approx(expected)


@given(ROWS)
def test_with_one_label_each_micro_rates_are_the_accuracy(rows):
    table = np.array(rows, dtype=int)
    eye = np.eye(3)
    targets, decided = eye[table[:, 0] + table[:, 1]], eye[table[:, 2] + table[:, 3]].astype(bool)
    data = (targets, decided, targets, np.ones((1, len(table))))
    for number in ("precision", "recall", "f1"):
        np.testing.assert_allclose(Rate(number=number, averaging="micro")(*data), Accuracy()(*data))
