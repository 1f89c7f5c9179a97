"""Shares and paired differences with intervals over groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.share_estimates import estimate_difference, estimate_share
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)


def every(number):
    return np.ones((number, 1), dtype=bool)


def test_the_share_of_hits():
    hits = np.array([True, True, False, True] * 5)
    figure = estimate_share(hits, every(20), np.arange(20).astype(str), BOOTSTRAP)
    assert (figure.value, figure.n, figure.groups) == (0.75, 20, 20)
    assert 0.45 < figure.low < 0.75 < figure.high < 0.95


def test_two_parts_count_alike_whatever_their_sizes():
    hits = np.array([True] * 9 + [False, False, True])  # 9 of 10, and 1 of 2
    hits[9] = False
    parts = np.zeros((12, 2), dtype=bool)
    parts[:10, 0] = parts[10:, 1] = True
    figure = estimate_share(hits, parts, np.arange(12).astype(str), BOOTSTRAP)
    assert figure.value == pytest.approx((0.9 + 0.5) / 2)
    assert figure.n == 12


def test_only_the_samples_of_a_part_count():
    figure = estimate_share(np.array([True, False, True]), np.array([[True], [True], [False]]), np.arange(3), BOOTSTRAP)
    assert (figure.value, figure.n, figure.low) == (0.5, 2, None)
    assert figure.caveat == "no interval: it rests on 2 independent groups, fewer than 5"


def test_no_sample_has_no_figure():
    nothing = np.zeros(0, dtype=bool)
    for figure in (
        estimate_share(nothing, every(0), nothing, BOOTSTRAP),
        estimate_share(np.ones(3, dtype=bool), np.zeros((3, 1), dtype=bool), np.arange(3), BOOTSTRAP),
        estimate_difference(nothing, nothing, nothing, BOOTSTRAP),
    ):
        assert (figure.value, figure.low, figure.n) == (None, None, 0)


def test_a_difference_by_hand():
    """Six groups of two, whose gains are 1, 1/2, 1/2, 1/2, 1/2, 0: mean 1/2, standard error sqrt(1 / 60)."""
    first = np.array([1, 1, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0], dtype=bool)
    groups = np.repeat(list("abcdef"), 2)
    figure = estimate_difference(first, np.zeros(12, dtype=bool), groups, BOOTSTRAP)
    half = 2.5705818 * np.sqrt(1 / 60)  # t of 5 degrees of freedom
    assert figure.value == 0.5
    assert (figure.low, figure.high) == (pytest.approx(0.5 - half), pytest.approx(0.5 + half))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=5, max_size=40))
def test_a_difference_is_that_of_the_two_shares_and_turns_its_sign(pairs):
    first, second = np.array(pairs).T
    groups = np.arange(len(first)).astype(str)
    shares = [estimate_share(one, every(len(one)), groups, BOOTSTRAP).value for one in (first, second)]
    figure, reverse = (estimate_difference(*two, groups, BOOTSTRAP) for two in ((first, second), (second, first)))
    assert figure.value == pytest.approx(shares[0] - shares[1])
    assert (reverse.low, reverse.high) == (pytest.approx(-figure.high), pytest.approx(-figure.low))
    assert figure.low < figure.high
