"""The intraclass correlation of groups, by hand and by simulation, and what samples are worth."""

import numpy as np
import pytest

from pipeline.statistics.intraclass_correlation import effective_number, intraclass_correlation


def test_by_hand():
    # means 0.5 and 2.5; B = 2 x (1 + 1) = 4, W = 4 x 0.25 / 2 = 0.5, n0 = 2: 3.5 / 4.5
    assert intraclass_correlation(np.array([0, 1, 2, 3]), np.array([0, 0, 1, 1])) == pytest.approx(3.5 / 4.5)
    assert intraclass_correlation(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])) == 1.0
    assert intraclass_correlation(np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])) == 0.0  # less alike than chance


def test_where_nothing_is_known():
    assert intraclass_correlation(np.array([0, 1]), np.array([0, 0])) == 1.0
    assert intraclass_correlation(np.array([0, 1]), np.array([0, 1])) == 0.0
    assert intraclass_correlation(np.array([1, 1, 1]), np.array([0, 0, 1])) == 0.0


@pytest.mark.parametrize("truth", [0.0, 0.2, 0.6])
def test_it_finds_the_truth_in_uneven_groups(truth):
    groups = np.repeat(np.arange(200), [5, 40] * 100)
    generator = np.random.default_rng(0)
    values = truth**0.5 * generator.normal(size=200)[groups] + (1 - truth) ** 0.5 * generator.normal(size=len(groups))
    assert intraclass_correlation(values, groups) == pytest.approx(truth, abs=0.06)


def test_what_samples_are_worth():
    assert effective_number(np.array([10, 10, 10]), 0.0) == 30
    assert effective_number(np.array([10, 10, 10]), 1.0) == 3
    assert effective_number(np.array([10, 10, 10, 0]), 0.5) == pytest.approx(30 / 5.5)
    assert effective_number(np.array([30, 10]), 1.0) == pytest.approx(40 / 25)  # m = 1000 / 40
    assert effective_number(np.array([], dtype=int), 0.5) == 0
