"""Figures of features: hand-worked, and equal to an obvious version."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.features.representation import alignment, effective_rank, spread, uniformity

features = arrays(np.float64, st.tuples(st.integers(2, 7), st.integers(1, 4)), elements=st.integers(-3, 3))


def unit(row):
    length = np.sqrt((row * row).sum())
    return row / length if length else row


def test_the_effective_rank_counts_equal_directions():
    assert effective_rank(np.eye(5)) == pytest.approx(5)
    assert effective_rank(np.outer([1, 2, 3], [4, 5])) == pytest.approx(1)
    assert effective_rank(np.zeros((3, 4))) == 1


def test_alignment_by_hand():
    first = np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    second = np.array([[5.0, 0.0], [3.0, 0.0], [-1.0, 0.0]])
    assert alignment(first, second) == pytest.approx((0 + 2 + 4) / 3)
    assert alignment(first, first) == 0


def test_uniformity_by_hand():
    assert uniformity(np.array([[3.0, 0.0], [0.0, 2.0]])) == pytest.approx(-4)  # squared distance 2
    assert uniformity(np.ones((4, 3))) == pytest.approx(0)
    three = np.array([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    assert uniformity(three) == pytest.approx(np.log((1 + 2 * np.exp(-8)) / 3))


def test_spread_by_hand():
    assert spread(np.full((4, 3), 7.0)) == pytest.approx(0, abs=1e-7)
    assert spread(np.array([[1.0, 0.0], [-9.0, 0.0]])) == 1
    assert spread(np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx(np.sqrt(0.5))
    assert spread(np.zeros((3, 2))) == 0  # dead units


@settings(max_examples=30)
@given(features)
def test_all_are_the_obvious_version(rows):
    units = np.array([unit(row) for row in rows])
    pairs = [
        np.exp(-2 * ((one - two) ** 2).sum()) for i, one in enumerate(units) for j, two in enumerate(units) if i != j
    ]
    assert uniformity(rows) == pytest.approx(np.log(np.mean(pairs)), abs=1e-6)
    middle = units.mean(axis=0)
    assert spread(rows) == pytest.approx(np.sqrt(np.mean([((one - middle) ** 2).sum() for one in units])), abs=1e-9)
    other = rows[::-1]
    expected = np.mean([((unit(one) - unit(two)) ** 2).sum() for one, two in zip(rows, other, strict=True)])
    assert alignment(rows, other) == pytest.approx(expected, abs=1e-9)
