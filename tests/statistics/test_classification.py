"""Counts, rates and areas, against numbers worked out by hand."""

import numpy as np
import pytest

from pipeline.statistics.classification import (
    average,
    balanced_accuracy,
    confusion_counts,
    of_same_classes,
    rarer_side,
    ratio,
)

NAN = np.nan


def test_counts_are_weighted():
    targets = np.array([[1, 0], [1, 0], [0, 1]])
    decided = np.array([[1, 0], [0, 1], [0, 1]], dtype=bool)
    counts = confusion_counts(targets, decided, np.array([[1.0, 1.0, 1.0], [2.0, 0.0, 3.0]]))
    np.testing.assert_array_equal(counts.hit, [[1, 1], [2, 3]])
    np.testing.assert_array_equal(counts.support, [[2, 1], [2, 3]])
    np.testing.assert_array_equal(counts.predicted, [[1, 2], [2, 3]])
    np.testing.assert_array_equal(counts.total, [3, 5])
    np.testing.assert_allclose(counts.precision, [[1, 1 / 2], [1, 1]])
    np.testing.assert_allclose(counts.recall, [[1 / 2, 1], [1, 1]])
    np.testing.assert_allclose(counts.f1, [[2 / 3, 2 / 3], [1, 1]])


def test_rates_where_a_class_is_missing():
    # class 0 occurs and is never decided, class 1 is decided and never occurs, class 2 neither
    targets, decided = np.array([[1, 0, 0]]), np.array([[False, True, False]])
    counts = confusion_counts(targets, decided, np.ones((1, 1)))
    np.testing.assert_array_equal(counts.precision, [[0, 0, NAN]])
    np.testing.assert_array_equal(counts.recall, [[0, NAN, NAN]])
    np.testing.assert_array_equal(counts.f1, [[0, 0, NAN]])


def test_ratio_is_zero_or_undefined_where_the_denominator_is_zero():
    found = ratio(np.array([1.0, 0.0, 0.0]), np.array([4.0, 0.0, 0.0]), np.array([0.0, 2.0, 0.0]))
    np.testing.assert_array_equal(found, [0.25, 0, NAN])


@pytest.mark.parametrize(
    ("how", "per_class", "support", "expected"),
    [
        ("macro", [0.5, 1.0], [30, 10], 0.75),
        ("weighted", [0.5, 1.0], [30, 10], 0.625),
        ("macro", [0.5, NAN], [30, 0], 0.5),
        ("weighted", [0.5, NAN], [30, 0], 0.5),
        ("macro", [NAN, NAN], [0, 0], NAN),
        ("weighted", [NAN, NAN], [0, 0], NAN),
        ("weighted", [0.5, 1.0], [0, 0], NAN),
    ],
)
def test_averages(how, per_class, support, expected):
    found = average(np.array([per_class]), np.array([support]) if how == "weighted" else None)
    np.testing.assert_allclose(found, [expected])


def test_a_class_that_a_row_of_weights_lost_has_its_figure_on_all_samples():
    targets = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
    decided = np.array([[1, 0], [0, 1], [0, 1], [1, 0]], dtype=bool)
    weights = np.array([[1.0, 1, 1, 1], [1, 1, 0, 0], [1, 0, 1, 0]])

    def f1(rows):
        return confusion_counts(targets, decided, rows).f1

    # all: both 2 x 1 / (2 + 2); without b: a 2 / (2 + 1), and b, decided once and never there, would be 0; last: right
    np.testing.assert_allclose(f1(weights)[1], [2 / 3, 0])
    np.testing.assert_allclose(of_same_classes(f1, targets, weights), [[1 / 2, 1 / 2], [2 / 3, 1 / 2], [1, 1]])


def test_a_class_that_no_sample_has_stays_undefined():
    targets, decided = np.array([[1, 0], [1, 0]]), np.array([[1, 0], [1, 0]], dtype=bool)
    weights = np.array([[1.0, 0.0]])
    found = of_same_classes(lambda rows: confusion_counts(targets, decided, rows).recall, targets, weights)
    np.testing.assert_array_equal(found, [[1, NAN]])


def test_balanced_accuracy_of_exclusive_labels_is_the_mean_recall():
    truth, choice = np.eye(3)[[0, 0, 1]], np.eye(3)[[0, 1, 1]].astype(bool)
    ones, without = np.ones((1, 3)), np.array([[1.0, 1.0, 0.0]])
    np.testing.assert_allclose(balanced_accuracy(truth, choice, ones, exclusive=True), [(1 / 2 + 1) / 2])
    np.testing.assert_allclose(balanced_accuracy(truth, choice, without, exclusive=True), [(1 / 2 + 1) / 2])


@pytest.mark.parametrize("labels", [[0, 0], [1, 0], [1, 1]])
def test_the_task_says_how_balanced_accuracy_counts_not_the_samples_at_hand(labels):
    """Four pictures with one label each, judged alike whether or not a fifth, with another number of labels, joins."""
    targets = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
    decided = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], dtype=bool)
    alone = balanced_accuracy(targets, decided, np.ones((1, 4)), exclusive=False)
    # label 0: present 2 of 2, absent 2 of 2; label 1: present 1 of 2, absent 1 of 2
    np.testing.assert_allclose(alone, [(1 + 1 / 2) / 2])
    joined = np.vstack([targets, [labels]]), np.vstack([decided, [[bool(one) for one in labels]]])
    without = np.array([[1.0, 1, 1, 1, 0]])
    np.testing.assert_allclose(balanced_accuracy(*joined, without, exclusive=False), alone)
    # the one that joins is right: no recall can fall, and none jumps to that of another count
    higher = balanced_accuracy(*joined, np.ones((1, 5)), exclusive=False)
    present = [1, (1 + labels[1]) / (2 + labels[1])]
    absent = [1, (1 + (not labels[1])) / (2 + (not labels[1]))]
    np.testing.assert_allclose(higher, [(sum(present) + sum(absent)) / 4])


def test_the_rarer_side_of_each_class():
    targets = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0]])
    # three of four have the first: the one that has not; half have the second: those; nobody has the third
    np.testing.assert_array_equal(
        rarer_side(targets), [[False, True, False], [False, False, False], [False, False, False], [True, True, False]]
    )
