"""Bootstrap resamples draw whole groups; intervals are percentiles."""

import numpy as np
import pytest

from pipeline.core import intervals
from pipeline.core.intervals import interval, resamples

GROUPS = np.array(["m", "a", "m", "z"])


def drawn(num_resamples=4_000, seed=0, groups=GROUPS):
    return np.concatenate(list(resamples(groups, num_resamples, seed)))


def test_groups_stay_whole_and_as_many_are_drawn_as_there_are():
    weights = drawn()
    assert weights.shape == (4_000, 4)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    np.testing.assert_array_equal(weights[:, [0, 1, 3]].sum(axis=1), 3)


def test_every_sample_counts_once_on_average():
    # three groups: a count is binomial(3, 1/3), mean 1, variance 2/3; 4,000 draws: standard error 0.013
    np.testing.assert_allclose(drawn().mean(axis=0), 1, atol=0.05)
    np.testing.assert_allclose(drawn().var(axis=0), 2 / 3, atol=0.06)


def test_the_seed_decides():
    np.testing.assert_array_equal(drawn(seed=1), drawn(seed=1))
    assert (drawn(seed=1) != drawn(seed=2)).any()


def test_blocks_bound_memory_and_change_nothing(monkeypatch):
    whole = drawn(num_resamples=5)
    monkeypatch.setattr(intervals, "CHUNK_CELLS", 8)
    blocks = list(resamples(GROUPS, 5, 0))
    assert [len(block) for block in blocks] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_one_group_is_always_drawn():
    np.testing.assert_array_equal(drawn(10, groups=np.array(["g", "g"])), np.ones((10, 2)))


@pytest.mark.parametrize(
    ("values", "confidence", "expected"),
    [
        (np.arange(101.0), 0.95, (2.5, 97.5)),
        (np.arange(101.0)[::-1], 0.9, (5.0, 95.0)),
        (np.array([3.0, 3.0]), 0.95, (3.0, 3.0)),
        (np.array([0.0, np.nan, 1.0]), 0.5, (0.25, 0.75)),
        (np.array([1.0, np.nan]), 0.95, (1.0, 1.0)),
        (np.array([1.0, np.nan, np.inf]), 0.95, (None, None)),
        (np.array([np.nan]), 0.95, (None, None)),
        (np.array([]), 0.95, (None, None)),
    ],
)
def test_interval_by_hand(values, confidence, expected):
    assert interval(values, confidence) == pytest.approx(expected)


def test_intervals_of_grouped_samples_are_wider():
    """Ten modules of ten equal cells tell as much as ten cells."""
    values = np.repeat(np.arange(10.0), 10)

    def width(groups):
        weights = drawn(2_000, groups=groups)
        low, high = interval((weights @ values) / weights.sum(axis=1))
        return high - low

    ratio = width(np.repeat(np.arange(10), 10)) / width(np.arange(100))
    assert ratio == pytest.approx(np.sqrt(10), rel=0.15)
