"""AUROC and average precision, one class against the rest."""

import numpy as np
import pytest
from file_options import from_file

from pipeline.evaluation.metrics.ranking import Ranking

NAN = np.nan
TARGETS = np.eye(3)[[0, 0, 1, 1]]
SCORES = np.array([[0.7, 0.3, 0.0], [0.4, 0.5, 0.1], [0.6, 0.4, 0.0], [0.1, 0.8, 0.1]])


def value(number, averaging, weights=((1, 1, 1, 1),)):
    metric = Ranking(number=number, averaging=averaging)
    return metric(TARGETS, np.zeros((4, 3), dtype=bool), SCORES, np.array(weights, dtype=float))


def test_auroc_by_hand():
    # class 0: 0.7 beats both, 0.4 beats one of two; class 1: 0.8 beats both, 0.4 beats one of two
    np.testing.assert_allclose(value("auroc", "none"), [[3 / 4, 3 / 4, NAN]])
    np.testing.assert_allclose(value("auroc", "macro"), [3 / 4])


def test_average_precision_by_hand():
    # class 0 in order of score: hit, miss, hit, miss; class 1: hit, miss, hit, miss
    np.testing.assert_allclose(value("average_precision", "none"), [[5 / 6, 5 / 6, NAN]])
    np.testing.assert_allclose(value("average_precision", "macro"), [5 / 6])


def test_a_row_of_weights_with_one_class_only_is_undefined_for_a_class_alone():
    weights = [[1, 1, 0, 0], [1, 2, 0, 1]]
    np.testing.assert_array_equal(value("auroc", "none", weights), [[NAN, NAN, NAN], [1, 1, NAN]])
    np.testing.assert_array_equal(value("average_precision", "none", weights)[0], [1, NAN, NAN])


def test_a_mean_takes_the_figure_on_all_samples_of_what_a_row_of_weights_lost():
    # without class 1: average precision of class 0 is 1, of class 1 5/6 as on all samples
    weights = [[1, 1, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(value("average_precision", "macro", weights), [(1 + 5 / 6) / 2, 5 / 6])
    # of auroc neither is left: 3/4 and 3/4 as on all samples
    np.testing.assert_allclose(value("auroc", "macro", weights), [3 / 4, 3 / 4])


def test_a_label_that_all_but_a_few_have_is_lost_with_these():
    """Of two labels the first lies in all samples but the last: a row of weights without that one cannot judge it."""
    targets = np.array([[1, 0], [1, 1], [1, 1], [0, 0]])
    scores = np.array([[0.2, 0.1], [0.9, 0.8], [0.8, 0.9], [0.3, 0.2]])
    metric = Ranking(number="auroc", averaging="macro")
    whole, without = metric(targets, targets > 0, scores, np.array([[1.0, 1, 1, 1], [1, 1, 1, 0]]))
    assert whole == pytest.approx((2 / 3 + 1) / 2)
    assert without == pytest.approx((2 / 3 + 1) / 2)  # not 1, the figure of the second label alone


@pytest.mark.parametrize("number", ["auroc", "average_precision"])
def test_it_compares_scores_and_rests_on_the_rarer_side(number):
    metric = Ranking(number=number, averaging="macro")
    assert metric.by_scores
    assert not metric.exclusive
    targets = np.array([[1, 0], [1, 0], [0, 1]])
    np.testing.assert_array_equal(metric.support(targets, targets > 0), [[False, False], [False, False], [True, True]])


def test_only_the_order_of_scores_matters():
    for number in ("auroc", "average_precision"):
        metric = Ranking(number=number, averaging="none")
        decided, ones = np.zeros((4, 3), dtype=bool), np.ones((1, 4))
        np.testing.assert_array_equal(
            metric(TARGETS, decided, SCORES, ones), metric(TARGETS, decided, SCORES**3 - 5, ones)
        )


@pytest.mark.parametrize(("averaging", "per_class"), [("none", True), ("macro", False)])
def test_per_class_says_whether_there_is_one_number_per_class(averaging, per_class):
    assert Ranking(number="auroc", averaging=averaging).per_class is per_class


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"number": "auc", "averaging": "macro"}, r"^number must be 'auroc' or 'average_precision', got 'auc'$"),
        ({"number": "auroc", "averaging": "weighted"}, r"^averaging must be 'none' or 'macro', got 'weighted'$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(Ranking, **choices)
