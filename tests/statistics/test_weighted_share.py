"""A weighted share is unbiased where some had a better chance, and its interval covers."""

import numpy as np
import pytest

from pipeline.statistics.bootstrap import Bootstrap
from pipeline.statistics.weighted_share import weighted_accuracy

BOOTSTRAP = Bootstrap(num_resamples=100, seed=0)


def names(number):
    return np.arange(number).astype(str)


def test_by_hand():
    hits = np.array([True] * 8 + [False] * 2)
    chances = np.array([0.5] * 8 + [0.1] * 2)  # weights 2 and 10
    found = weighted_accuracy(hits, chances, names(10), BOOTSTRAP)
    assert found.value == pytest.approx(16 / 36)
    assert found.low < found.value < found.high
    assert weighted_accuracy(hits[:0], chances[:0], names(0), BOOTSTRAP).value is None


def test_weights_undo_the_choice_and_the_interval_covers():
    generator, covered, values = np.random.default_rng(0), 0, []
    hard = np.arange(4000) < 1000  # a quarter, right in 60 %; the others in 96 %: 87 % of all
    chances = np.where(hard, 0.06, 0.02)
    for _ in range(100):
        right = generator.random(4000) < np.where(hard, 0.6, 0.96)
        picked = generator.random(4000) < chances
        found = weighted_accuracy(right[picked], chances[picked], names(int(picked.sum())), BOOTSTRAP)
        values.append(found.value)
        covered += found.low <= right.mean() <= found.high
    assert np.mean(values) == pytest.approx(0.87, abs=0.015)
    assert covered >= 88


def test_a_share_without_a_mistake_has_a_width():
    found = weighted_accuracy(np.ones(50, dtype=bool), np.full(50, 0.02), names(50), BOOTSTRAP)
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.9 < found.low < 0.95


def test_chances_are_checked():
    for wrong in (0.0, 1.5):
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            weighted_accuracy(np.ones(1, dtype=bool), np.array([wrong]), names(1), BOOTSTRAP)
