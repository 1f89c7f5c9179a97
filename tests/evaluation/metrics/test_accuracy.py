"""Accuracy counts exact matches."""

import numpy as np

from pipeline.evaluation.metrics.accuracy import Accuracy

ACCURACY = Accuracy()
TARGETS = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
DECIDED = np.array([[1, 0], [0, 1], [0, 1], [0, 1]], dtype=bool)


def test_share_of_right_decisions_per_row_of_weights():
    weights = np.array([[1, 1, 1, 1], [3, 1, 0, 0], [0, 2, 0, 0]], dtype=float)
    np.testing.assert_allclose(ACCURACY(TARGETS, DECIDED, DECIDED, weights), [3 / 4, 3 / 4, 0])
    assert not ACCURACY.per_class


def test_all_labels_of_a_sample_must_be_right():
    targets = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0]])
    decided = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)
    np.testing.assert_allclose(ACCURACY(targets, decided, decided, np.ones((1, 3))), [2 / 3])


def test_scores_do_not_matter():
    ones = np.ones((1, 4))
    np.testing.assert_array_equal(
        ACCURACY(TARGETS, DECIDED, np.zeros((4, 2)), ones), ACCURACY(TARGETS, DECIDED, np.ones((4, 2)), ones)
    )


def test_all_samples_count_alike_for_one_label_or_several():
    np.testing.assert_array_equal(ACCURACY.support(TARGETS, DECIDED), np.ones((4, 1), dtype=bool))
    assert not ACCURACY.exclusive
    assert not ACCURACY.by_scores
