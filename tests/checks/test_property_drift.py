"""Distances of distribution functions between splits, beyond what chance and few groups explain."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.property_drift import PropertyDrift, distance


def finding(make_manifest, train, test, groups=None, **choices):
    values = np.concatenate([train, test])
    split = ["train"] * len(train) + ["test"] * len(test)
    group = groups if groups is not None else [f"g{row}" for row in range(len(values))]
    samples = make_manifest("a" * len(values), split=split, group=group, prop_brightness=values)
    return PropertyDrift(**{"max_distance": 0.3, "alpha": 0.05, "on_fail": "warn", **choices})(samples)


def test_distance_by_hand():
    assert distance(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0, 6.0])) == 0.5
    assert distance(np.array([1.0, np.nan]), np.array([2.0])) == 1.0
    assert distance(np.array([np.nan]), np.array([2.0])) == 0.0


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), st.lists(st.integers(0, 20), min_size=1, max_size=30))
def test_distance_agrees_with_brute_force(one, other):
    slow = max(abs(np.mean(np.array(one) <= at) - np.mean(np.array(other) <= at)) for at in range(21))
    assert distance(np.array(one, dtype=float), np.array(other, dtype=float)) == pytest.approx(slow)


def test_splits_that_differ(make_manifest):
    found = finding(make_manifest, np.linspace(0, 1, 100), np.linspace(0.5, 1.5, 100))
    assert found.value == pytest.approx(0.5, abs=0.011)
    assert not found.passed
    assert "train and test differ in brightness" in found.sentence
    assert found.table[0]["by_chance_up_to"] == pytest.approx(math.sqrt(0.5 * math.log(40) * 0.02))


def test_few_groups_differ_by_chance(make_manifest):
    groups = ["one"] * 50 + ["two"] * 50 + ["three"] * 50 + ["four"] * 50
    found = finding(make_manifest, np.linspace(0, 1, 100), np.linspace(0.5, 1.5, 100), groups)
    assert (found.value, found.passed) == (0.0, True)
    assert not found.table[0]["beyond_chance"]


def test_false_alarms_are_rare(make_manifest):
    generator = np.random.default_rng(0)
    alarms = [finding(make_manifest, *generator.random((2, 60)), max_distance=0.0).value > 0 for _ in range(100)]
    assert sum(alarms) <= 10


def test_one_split_only(make_manifest):
    assert finding(make_manifest, [0.5], []).value == 0.0


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"max_distance": 2}, r"max_distance must be 0 to 1, got 2"),
        ({"alpha": 0}, r"alpha must be above 0 and below 1, got 0"),
    ],
)
def test_refused_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        PropertyDrift(**{"max_distance": 0.3, "alpha": 0.05, "on_fail": "warn", **choices})
