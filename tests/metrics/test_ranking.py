"""AUROC and average precision, one class against the rest."""

import numpy as np
import pytest

from pipeline.metrics.ranking import Ranking

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


def test_a_resample_with_one_class_only_is_undefined():
    weights = [[1, 1, 0, 0], [1, 2, 0, 1]]
    np.testing.assert_array_equal(value("auroc", "macro", weights), [NAN, 1])
    np.testing.assert_array_equal(value("auroc", "none", weights)[0], [NAN, NAN, NAN])
    np.testing.assert_array_equal(value("average_precision", "none", weights)[0], [1, NAN, NAN])
    np.testing.assert_array_equal(value("average_precision", "macro", np.zeros((1, 4))), [NAN])


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
        ({"number": "auc", "averaging": "macro"}, r"^number must be auroc or average_precision, got 'auc'$"),
        ({"number": "auroc", "averaging": "weighted"}, r"^averaging must be none or macro, got 'weighted'$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        Ranking(**choices)
