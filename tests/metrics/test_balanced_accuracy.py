"""Balanced accuracy is the mean of the recalls."""

import numpy as np

from pipeline.metrics.balanced_accuracy import BalancedAccuracy

METRIC = BalancedAccuracy()
EYE = np.eye(3, dtype=bool)


def value(truth, choice, weights):
    return METRIC(EYE[truth].astype(float), EYE[choice], np.zeros((len(truth), 3)), np.array(weights, dtype=float))


def test_always_saying_the_largest_class_is_chance():
    truth = [0] * 8 + [1, 2]
    np.testing.assert_allclose(value(truth, [0] * 10, np.ones((1, 10))), [1 / 3])


def test_mean_of_recalls_by_hand():
    # recalls 2/4, 1/1, 0/1; with weights 6/7, 1/1 and nothing of the third class
    weights = [[1, 1, 1, 1, 1, 1], [1, 5, 1, 0, 1, 0]]
    np.testing.assert_allclose(value([0, 0, 0, 0, 1, 2], [0, 0, 1, 2, 1, 0], weights), [1 / 2, (6 / 7 + 1) / 2])
    assert not METRIC.per_class


def test_a_class_that_does_not_occur_is_left_out():
    np.testing.assert_allclose(value([0, 0, 1], [0, 2, 1], np.ones((1, 3))), [3 / 4])
