"""The winner of a search counts as better only where the paired interval on val says so."""

import numpy as np
import pytest
from predictions_examples import make_predictions

from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.experiments.evidence import Evidence
from pipeline.statistics.bootstrap import Bootstrap

NUM = 80
TRUTH = np.arange(NUM) % 2


def table(wrong, groups=None):
    decided = np.where(np.isin(np.arange(NUM), list(wrong)), 1 - TRUTH, TRUTH)
    return make_predictions(np.eye(2, dtype=np.float32)[TRUTH], np.eye(2)[decided], groups=groups)


def evidence(found, start):
    return Evidence.of("accuracy", Accuracy(), found, start, Bootstrap(num_resamples=200, seed=0))


def test_one_that_is_told_apart():
    found = evidence(table(range(4)), table(range(24)))  # 76 and 56 of 80, the same mistakes and 20 more
    assert found.gain == pytest.approx(0.25)
    assert 0 < found.low < 0.25 < found.high
    assert found.is_better
    (line,) = found.lines()
    assert line.startswith("Better than the start of the search: accuracy +0.250 [+0.1")
    assert found.figures() == {
        "gain_accuracy": found.gain,
        "gain_accuracy_low": found.low,
        "gain_accuracy_high": found.high,
    }


def test_one_that_is_not():
    found = evidence(table(range(4)), table([*range(3), 60, 61, 62]))  # 76 and 74 of 80
    assert found.gain == pytest.approx(0.025)
    assert found.low < 0 < found.high
    assert not found.is_better
    first, last = found.lines()
    assert first.startswith("No significant difference from the start of the search: accuracy +0.025 [-0.0")
    assert last == "Keep the start."


def test_a_worse_one_is_no_better():
    found = evidence(table(range(24)), table(range(4)))
    assert found.high < 0
    assert not found.is_better


def test_the_same_predictions_are_no_better():
    assert not evidence(table(range(4)), table(range(4))).is_better


def test_pictures_of_few_groups_say_nothing():
    pairs = [f"g{row % 3}" for row in range(NUM)]
    found = evidence(table(range(4), pairs), table(range(24), pairs))
    assert found.low is None
    assert not found.is_better
    assert "+0.250 without an interval" in found.lines()[0]


def test_a_start_that_was_not_trained():
    found = evidence(table(range(4)), "the loss became nan")
    assert found.is_better
    assert found.figures() == {}
    assert found.lines() == ["The start of the search could not be trained (the loss became nan)."]
