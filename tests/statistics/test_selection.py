"""The best of several equal models."""

import math

import numpy as np
import pytest

from pipeline.statistics.selection import expected_maximum


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, 0.0), (2, 1 / math.sqrt(math.pi)), (3, 1.5 / math.sqrt(math.pi)), (10, 1.5388), (25, 1.965)],
)
def test_known_values(count, expected):
    """Of two and three in closed form; of 10 and 25 as tables of normal order statistics have them."""
    assert expected_maximum(count) == pytest.approx(expected, abs=5e-4)


def test_simulated():
    best = np.random.default_rng(0).normal(size=(20_000, 50)).max(axis=1)
    assert expected_maximum(50) == pytest.approx(best.mean(), abs=4 * best.std() / math.sqrt(len(best)))


def test_none():
    with pytest.raises(ValueError, match=r"^count must be at least 1, got 0$"):
        expected_maximum(0)
