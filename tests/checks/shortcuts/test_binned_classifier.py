"""Bins, densities, balanced accuracy, AUC and Cramer's V, worked out by hand."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pipeline.checks.shortcuts.binned_classifier import BinCounts, balanced_accuracy, best_pair
from pipeline.statistics.association import auc, cramers_v
from pipeline.statistics.binning import NUM_BINS, frequency_bins, quantile_bins

ALONE = np.eye(NUM_BINS + 1)[None]


def told(bins, folds, label, kernels=ALONE):
    cells = BinCounts(np.array([bins]), np.array(folds))
    label = np.array(label)
    present = cells.count(np.flatnonzero(label), np.zeros(label.sum(), dtype=int), 1)
    return float(balanced_accuracy(present, cells.count_all() - present, kernels)[0, 0])


@pytest.mark.parametrize(
    ("bins", "label", "expected"),
    [
        ([0, 1, 0, 1], [1, 0, 1, 0], 1.0),  # two folds, each learns from the other
        ([0, 1, 1, 0], [1, 0, 1, 0], 0.0),  # each fold says the opposite of the other
        ([0, 0, 0, 0], [1, 0, 1, 0], 0.5),  # a draw everywhere
        ([0, 1, 2, 3], [1, 0, 1, 0], 0.5),  # bins that the other fold has not seen
        ([0, 1, 0, 0], [1, 0, 1, 0], 0.5),  # fold 0: a draw and an unseen bin; fold 1: both called present
    ],
)
def test_balanced_accuracy_by_hand(bins, label, expected):
    assert told(bins, [0, 0, 1, 1], label) == pytest.approx(expected)


def test_class_sizes_do_not_matter():
    bins = [0] * 9 + [1] + [0] * 9 + [1]
    assert told(bins, [0] * 10 + [1] * 10, [int(one == 1) for one in bins]) == 1.0


def test_best_pair_names_the_two_classes_that_are_apart():
    cells = BinCounts(np.array([[0, 0, 5, 0, 0, 5]]), np.array([0, 0, 0, 1, 1, 1]))
    counts = cells.count(np.arange(6), np.array([0, 1, 2, 0, 1, 2]), 3)
    assert best_pair(counts[0], ALONE) == best_pair(counts[0], None) == (0, 2, 1.0)


def test_bins():
    assert quantile_bins(np.arange(32.0)).tolist() == np.repeat(np.arange(16), 2).tolist()
    assert quantile_bins(np.array([1.0, np.nan, 1.0])).tolist() == [8, 16, 8]
    assert frequency_bins(np.array([0, 1, 1, -1])).tolist() == [1, 0, 0, 16]
    assert frequency_bins(np.arange(40)).max() == 15


@pytest.mark.parametrize(
    ("values", "positive", "expected"),
    [([1, 2, 3, 4], [0, 0, 1, 1], 1.0), ([1, 2, 3, 4], [0, 1, 0, 1], 0.75), ([1, 2, 2, 3], [0, 0, 1, 1], 0.875)],
)
def test_separation_by_hand(values, positive, expected):
    assert auc(np.array(values, dtype=float), np.array(positive, dtype=bool)) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=40))
def test_separation_is_the_area_under_the_curve(pairs):
    values, positive = (np.array(column) for column in zip(*pairs, strict=True))
    assume(0 < positive.sum() < len(positive))
    area = roc_auc_score(positive, values)
    assert auc(values.astype(float), positive) == pytest.approx(max(area, 1 - area))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[5, 0], [0, 5]], 1.0),  # phi2 = 1, less 1/9; r' - 1 = 1 - 1/9
        ([[5, 5], [5, 5]], 0.0),
        ([[4, 1], [1, 4]], ((0.36 - 1 / 9) / (1 - 1 / 9)) ** 0.5),  # chi2 = 3.6 of 10
        ([[3, 0], [0, 0]], 0.0),  # one row is left
    ],
)
def test_cramers_v_by_hand(table, expected):
    assert cramers_v(np.array(table)) == pytest.approx(expected)
