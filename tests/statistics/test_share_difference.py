"""Differences of independent shares have the intervals of the paper."""

import pytest

from pipeline.statistics.share_difference import share_difference, wilson_interval


def test_the_example_of_newcombe():
    found = share_difference(56, 70, 48, 80)  # table II, method 10
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert found.n == 150


def test_wilsons_interval():
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 10)[0] == 0.0


def test_few_samples_have_no_interval():
    found = share_difference(9, 9, 10, 20)
    assert (found.value, found.low) == (0.5, None)
    assert found.caveat == "no interval: one side rests on 9 samples, fewer than 10"
    assert share_difference(0, 0, 3, 4).value is None
