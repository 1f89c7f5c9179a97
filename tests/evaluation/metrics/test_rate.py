"""Precision, recall and F1 by hand; what is undefined is NaN, left out of a mean."""

import numpy as np
import pytest
from file_options import from_file

from pipeline.evaluation.metrics.rate import Rate

NAN = np.nan
EYE = np.eye(3, dtype=bool)
TRUTH = [0, 0, 0, 0, 1, 1]
CHOICE = [0, 0, 1, 1, 1, 0]  # hits 2, 1, 0; support 4, 2, 0; decided 3, 3, 0


def value(number, averaging, truth=TRUTH, choice=CHOICE, weights=None):
    weights = np.ones((1, len(truth))) if weights is None else np.array(weights, dtype=float)
    metric = Rate(number=number, averaging=averaging)
    return metric(EYE[truth].astype(float), EYE[choice], np.zeros((len(truth), 3)), weights)


@pytest.mark.parametrize(
    ("number", "per_class"),
    [
        ("precision", [2 / 3, 1 / 3, NAN]),
        ("recall", [1 / 2, 1 / 2, NAN]),
        ("f1", [4 / 7, 2 / 5, NAN]),
    ],
)
def test_three_averages_of_the_same_numbers(number, per_class):
    np.testing.assert_allclose(value(number, "none"), [per_class])
    np.testing.assert_allclose(value(number, "macro"), [(per_class[0] + per_class[1]) / 2])
    np.testing.assert_allclose(value(number, "weighted"), [(4 * per_class[0] + 2 * per_class[1]) / 6])


def test_weights_are_how_often_a_sample_counts():
    repeated = value("f1", "none", TRUTH + [TRUTH[2]] * 2, CHOICE + [CHOICE[2]] * 2)
    np.testing.assert_allclose(value("f1", "none", weights=[[1, 1, 3, 1, 1, 1]]), repeated)


def test_a_class_that_is_decided_but_never_occurs_costs_precision_not_recall():
    truth, choice = [0, 0], [0, 2]
    np.testing.assert_array_equal(value("precision", "none", truth, choice), [[1, NAN, 0]])
    np.testing.assert_array_equal(value("recall", "none", truth, choice), [[0.5, NAN, NAN]])
    np.testing.assert_allclose(value("f1", "none", truth, choice), [[2 / 3, NAN, 0]])
    np.testing.assert_allclose(value("precision", "macro", truth, choice), [1 / 2])
    np.testing.assert_allclose(value("precision", "weighted", truth, choice), [1])


def test_a_class_that_occurs_but_is_never_decided_has_precision_zero():
    np.testing.assert_array_equal(value("precision", "none", [0, 1], [0, 0]), [[0.5, 0, NAN]])
    np.testing.assert_array_equal(value("precision", "macro", [0, 1], [0, 0]), [0.25])


def test_nothing_at_all_is_undefined():
    np.testing.assert_array_equal(value("f1", "none", weights=np.zeros((1, 6))), [[NAN, NAN, NAN]])
    np.testing.assert_array_equal(value("f1", "weighted", weights=np.zeros((1, 6))), [NAN])
    np.testing.assert_array_equal(value("f1", "macro", [], [], weights=np.zeros((1, 0))), [NAN])


def test_a_mean_is_of_the_same_classes_in_each_row_of_weights():
    # without class 1: of class 0 hits 2 of 4, decided 2: F1 2/3; of class 1 2/5 as on all samples, not 0 for the two
    # that were decided so
    np.testing.assert_allclose(value("f1", "macro", weights=[[1, 1, 1, 1, 0, 0]]), [(2 / 3 + 2 / 5) / 2])
    np.testing.assert_allclose(value("recall", "macro", weights=[[1, 1, 1, 1, 0, 0]]), [(1 / 2 + 1 / 2) / 2])
    np.testing.assert_allclose(value("precision", "macro", weights=[[1, 1, 1, 1, 0, 0]]), [(1 + 1 / 3) / 2])


@pytest.mark.parametrize(
    ("number", "averaging", "expected"),
    [
        ("precision", "macro", EYE[CHOICE]),
        ("precision", "none", EYE[CHOICE]),
        ("recall", "macro", EYE[TRUTH]),
        ("f1", "none", EYE[TRUTH]),
        ("f1", "micro", np.ones((6, 1), dtype=bool)),
        ("precision", "weighted", np.ones((6, 1), dtype=bool)),
    ],
)
def test_what_a_rate_rests_on(number, averaging, expected):
    metric = Rate(number=number, averaging=averaging)
    np.testing.assert_array_equal(metric.support(EYE[TRUTH].astype(float), EYE[CHOICE]), expected)
    assert not metric.exclusive
    assert not metric.by_scores


@pytest.mark.parametrize(("averaging", "per_class"), [("none", True), ("macro", False), ("weighted", False)])
def test_per_class_says_whether_there_is_one_number_per_class(averaging, per_class):
    assert Rate(number="f1", averaging=averaging).per_class is per_class


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            {"number": "f2", "averaging": "macro"},
            r"^number must be 'precision', 'recall', 'f1' or 'specificity', got 'f2'$",
        ),
        (
            {"number": "f1", "averaging": "all"},
            r"^averaging must be 'none', 'macro', .* or 'micro', got 'all'$",
        ),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(Rate, **choices)
