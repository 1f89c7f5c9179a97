"""Distances of distribution functions between splits, beyond what chance and few groups explain."""

import numpy as np
import pytest
from file_options import from_file
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.property_drift import MAX_UNITS, PropertyDrift, distance

CHOICES = {"max_distance": 0.3, "alpha": 0.05, "num_permutations": 99, "seed": 0, "on_fail": "warn"}


def finding(make_manifest, train, test, groups=None, **choices):
    values = np.concatenate([train, test])
    split = ["train"] * len(train) + ["test"] * len(test)
    group = groups if groups is not None else [f"g{row}" for row in range(len(values))]
    samples = make_manifest("a" * len(values), split=split, group=group, prop_brightness=values)
    return PropertyDrift(**{**CHOICES, **choices})(samples)


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
    assert (found.table[0]["p"], found.table[0]["least_p"]) == (0.01, 0.01)


def test_few_groups_differ_by_chance(make_manifest):
    groups = ["one"] * 50 + ["two"] * 50 + ["three"] * 50 + ["four"] * 50
    found = finding(make_manifest, np.linspace(0, 1, 100), np.linspace(0.5, 1.5, 100), groups)
    assert (found.value, found.state) == (0.0, "cannot_be_judged")  # six ways to deal two of four, in pairs alike
    assert found.table[0]["least_p"] == pytest.approx(1 / 3, abs=0.12)
    assert found.obstacle.startswith(
        "Train and test differ in brightness by 0.50, but have so few groups that the smallest"
    )


@pytest.mark.parametrize("resemblance", [0.0, 0.5])
def test_a_shift_of_one_split_is_found_among_few_groups(make_manifest, resemblance):
    """23, 5 and 6 groups of 60: an asymptotic limit over 12 comparisons asks for a distance of 0.88, or more than 1."""
    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(34), 60)
    split = np.array(["train"] * 23 + ["val"] * 5 + ["test"] * 6)[group]
    own = resemblance**0.5 * generator.normal(0, 1, (4, 34))[:, group]
    values = own + (1 - resemblance) ** 0.5 * generator.normal(0, 1, (4, len(group)))
    values[2] += 3.0 * (split == "test")
    told = {f"prop_{number}": one for number, one in enumerate(values)}
    found = PropertyDrift(**CHOICES)(make_manifest("a" * len(group), split=split, group=group, **told))
    assert found.state == "failed"
    assert {row["property"] for row in found.table if row["p"] <= 0.05} == {"2"}
    assert found.table[0]["splits"] == "train and test"


def test_large_groups_in_train_and_small_ones_in_test_raise_no_alarm(make_manifest):
    """Groups that differ, the largest first in train: at most 5 % alarms."""
    alarms, sizes = 0, np.array([200, 150, 90, 60, 40, 40, 30, 30, *[10] * 12])
    group = np.repeat(np.arange(20), sizes)
    split = np.array(["train"] * 6 + ["val"] * 6 + ["test"] * 8)[group]
    for seed in range(40):
        generator = np.random.default_rng(seed)
        own = generator.normal(0, 1, (5, 20))[:, group] + generator.normal(0, 1, (5, len(group)))
        told = {f"prop_{number}": one for number, one in enumerate(own)}
        samples = make_manifest("a" * len(group), split=split, group=group, **told)
        alarms += PropertyDrift(**{**CHOICES, "max_distance": 0.0})(samples).value > 0
    assert alarms <= 5  # more has a chance of 1.4 % at a rate of 5 %


def test_of_many_groups_some_are_dealt(make_manifest):
    num = MAX_UNITS + 100
    found = finding(make_manifest, np.linspace(0, 1, num - 200), np.linspace(0.5, 1.5, 200), num_permutations=19)
    assert found.value == pytest.approx(0.5, abs=0.01)


def test_missing_numbers_are_left_out(make_manifest):
    train = np.where(np.arange(100) % 3, np.linspace(0, 1, 100), np.nan)
    found = finding(make_manifest, train, np.linspace(1.5, 2.5, 100))
    assert (found.value, found.table[0]["p"]) == (1.0, 0.01)


def test_false_alarms_are_rare(make_manifest):
    generator = np.random.default_rng(0)
    alarms = [finding(make_manifest, *generator.random((2, 60)), max_distance=0.0).value > 0 for _ in range(100)]
    assert sum(alarms) <= 10


def test_one_split_only(make_manifest):
    found = finding(make_manifest, [0.5], [])
    assert (found.value, found.state) == (0.0, "cannot_be_judged")
    assert found.obstacle.startswith("There are no two splits with a measured property to compare")


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"max_distance": 2}, r"max_distance must be 0 to 1, got 2"),
        ({"alpha": 0}, r"alpha must be above 0 and below 1, got 0"),
        ({"num_permutations": 18}, r"num_permutations must be at least 1 / alpha - 1, got 18"),
    ],
)
def test_refused_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(PropertyDrift, **{**CHOICES, **choices})
