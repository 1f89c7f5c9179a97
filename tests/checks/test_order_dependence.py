"""Neighbours that resemble each other though no group says why."""

import numpy as np
import pytest
from file_options import from_file

from pipeline.checks.order_dependence import OrderDependence

CHECK = OrderDependence(max_correlation=0.3, on_fail="warn")


def samples(make_manifest, values, labels=None, group=None, order=None):
    num = len(values)
    return make_manifest(
        labels or "a" * num,
        group=group or [f"g{row}" for row in range(num)],
        source_order=range(num) if order is None else order,
        prop_brightness=values,
    )


def sessions(num=40, size=10, seed=0):
    """Pictures of sessions one after the other, each with a brightness of its own."""
    generator = np.random.default_rng(seed)
    return np.repeat(generator.random(num), size) + 0.05 * generator.random(num * size)


def test_a_correlation_by_hand(make_manifest):
    """Ranks 1 2 3 ... less their middle: neighbours of a growing series are as alike as can be."""
    found = CHECK(samples(make_manifest, np.arange(50.0)))
    centred = np.arange(1, 51) / 51 - 0.5
    one, other = centred[:-1], centred[1:]
    expected = (one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum())
    assert found.value == pytest.approx(expected)
    assert (found.limit, found.passed) == (0.3, False)


def test_sessions_that_nobody_told_are_found(make_manifest):
    found = CHECK(samples(make_manifest, sessions()))
    assert found.value > 0.8
    assert "resemble each other in brightness" in found.sentence


def test_neighbours_are_shown_in_a_row(make_manifest):
    values = sessions()
    values[200:210], values[90:100] = 3.0, -1.0
    found = CHECK(samples(make_manifest, values))
    least, most = found.pictures.values()
    assert list(found.pictures) == [f"Consecutive pictures with {end} brightness" for end in ("least", "most")]
    assert least in ([f"s{row:02}" for row in range(start, start + 8)] for start in (90, 91, 92))
    assert most in ([f"s{row:02}" for row in range(start, start + 8)] for start in (200, 201, 202))
    assert not CHECK(samples(make_manifest, np.random.default_rng(0).random(100))).pictures
    alternating = samples(make_manifest, np.repeat(np.arange(20.0), 2), "ab" * 20)
    assert all(len(names) == 8 for names in CHECK(alternating).pictures.values())


def test_sessions_that_the_source_told_harm_nobody(make_manifest):
    group = [f"session{row // 10}" for row in range(400)]
    assert CHECK(samples(make_manifest, sessions(), group=group)).value == 0.0


def test_the_order_of_the_source_counts_not_that_of_the_rows(make_manifest):
    order = np.random.default_rng(1).permutation(400)
    assert CHECK(samples(make_manifest, sessions()[order], order=order)).value > 0.8
    assert CHECK(samples(make_manifest, sessions()[order])).value == 0.0


def test_a_source_that_lists_class_by_class_is_no_dependence(make_manifest):
    """The classes differ in brightness and stand one after the other; within each of them nothing does."""
    values = np.random.default_rng(2).random(200) + np.repeat([0.0, 5.0], 100)
    assert CHECK(samples(make_manifest, values, labels="a" * 100 + "b" * 100)).value == 0.0


def test_few_neighbours_say_nothing(make_manifest):
    assert CHECK(samples(make_manifest, np.arange(5.0))).value == 0.0


def test_false_alarms_are_rare(make_manifest):
    check = OrderDependence(max_correlation=0.0, on_fail="warn")
    generator = np.random.default_rng(3)
    alarms = [check(samples(make_manifest, generator.random(80))).value > 0 for _ in range(100)]
    assert sum(alarms) <= 10


def test_refused_choices():
    with pytest.raises(ValueError, match=r"max_correlation must be 0 to 1, got 2"):
        from_file(OrderDependence, max_correlation=2, on_fail="warn")
