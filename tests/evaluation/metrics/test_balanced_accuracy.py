"""Balanced accuracy is the mean of the recalls."""

import numpy as np

from pipeline.evaluation.metrics.balanced_accuracy import BalancedAccuracy

METRIC = BalancedAccuracy()
EYE = np.eye(3, dtype=bool)


def value(truth, choice, weights):
    return METRIC(EYE[truth].astype(float), EYE[choice], np.zeros((len(truth), 3)), np.array(weights, dtype=float))


def test_always_saying_the_largest_class_is_chance():
    truth = [0] * 8 + [1, 2]
    np.testing.assert_allclose(value(truth, [0] * 10, np.ones((1, 10))), [1 / 3])


def test_mean_of_recalls_by_hand():
    # recalls 2/4, 1/1, 0/1; with weights 6/7, 1/1, 0/2
    weights = [[1, 1, 1, 1, 1, 1], [1, 5, 1, 0, 1, 2]]
    np.testing.assert_allclose(value([0, 0, 0, 0, 1, 2], [0, 0, 1, 2, 1, 0], weights), [1 / 2, (6 / 7 + 1 + 0) / 3])
    assert not METRIC.per_class


def test_a_class_that_a_row_of_weights_lost_keeps_its_recall_on_all_samples():
    # the third class is never found: leaving it out of a row must not make that row look better
    weights = [[1, 5, 1, 0, 1, 0], [0, 0, 0, 0, 1, 1]]
    found = value([0, 0, 0, 0, 1, 2], [0, 0, 1, 2, 1, 0], weights)
    np.testing.assert_allclose(found, [(6 / 7 + 1 + 0) / 3, (2 / 4 + 1 + 0) / 3])


def test_it_is_for_one_label_per_sample_and_rests_on_the_samples_of_each_class():
    assert METRIC.exclusive
    assert not METRIC.by_scores
    np.testing.assert_array_equal(METRIC.support(EYE[[0, 2]].astype(float), EYE[[1, 1]]), EYE[[0, 2]])


def test_a_class_that_does_not_occur_is_left_out():
    np.testing.assert_allclose(value([0, 0, 1], [0, 2, 1], np.ones((1, 3))), [3 / 4])
