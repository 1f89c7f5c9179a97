"""Mistakes come in the order of the model's confidence."""

import numpy as np

from pipeline.core.predictions import Predictions
from pipeline.evaluation.mistake_order import order_mistakes


def make(targets, decided, scores, names):
    number, classes = np.array(targets).shape
    return Predictions(
        sample_ids=np.array(list(names), dtype=object),
        groups=np.array(["g"] * number),
        targets=np.array(targets),
        decided=np.array(decided, dtype=bool),
        scores=np.array(scores, dtype=np.float32),
        classes=list("abc"[:classes]),
    )


def test_the_lowest_score_of_the_true_class_comes_first_and_what_is_right_not_at_all():
    found = make(
        [[1, 0]] * 4, [[0, 1], [1, 0], [0, 1], [0, 1]], [[0.4, 0.6], [0.9, 0.1], [0.1, 0.9], [0.4, 0.6]], "dcba"
    )
    assert order_mistakes(found).tolist() == [2, 3, 0]  # 0 and 3 are equal: a before d


def test_of_several_labels_a_missed_one_and_a_wrongly_given_one_count():
    # missed with a score of 0.3; given wrongly with a score of 0.9, which leaves 0.1
    found = make([[1, 0], [1, 0]], [[0, 0], [1, 1]], [[0.3, 0.2], [0.8, 0.9]], "ab")
    assert order_mistakes(found).tolist() == [1, 0]


def test_without_mistakes():
    assert order_mistakes(make([[1, 0]], [[1, 0]], [[0.9, 0.1]], "a")).tolist() == []
