"""Classes with too few samples in test for the wanted interval."""

import math

import numpy as np
import pytest
from file_options import from_file
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.evaluable import Evaluable
from pipeline.statistics.bootstrap import Z, wilson_sample_size

CHOICES = {"half_width": 0.2, "min_groups": 10, "max_classes": 0, "on_fail": "warn"}


def test_by_hand(make_manifest):
    labels = ["a"] * 21 + ["b"] * 20 + ["b"] * 50 + ["c"] * 3
    split = ["test"] * 41 + ["train"] * 50 + ["val"] * 3
    found = Evaluable(**CHOICES)(make_manifest(labels, split=split, group=np.arange(94)))
    assert (found.value, found.limit, found.passed) == (2.0, 0.0, False)
    assert found.unit == "classes with fewer than 21 independent samples or 10 groups in test"
    assert found.worst == {
        "c": "0 in test from 0 groups, worth 0.0 independent",
        "b": "20 in test from 20 groups, worth 20.0 independent",
    }
    row = {"class": "a", "in_test": 21, "groups": 21, "correlation": 0.0, "independent": 21.0, "needed": 21}
    assert found.table[-1] == row
    assert found.sentence == (
        "For 2 of 3 classes, test has too few independent pictures or too few groups to estimate the recall to within "
        "20 percentage points."
    )


def test_samples_of_a_group_are_worth_fewer(make_manifest):
    """Twelve modules of ten cells, all of one class each: 60 of a class count as its 6 modules."""
    group = np.repeat(np.arange(12), 10)
    samples = make_manifest(["ab"[one % 2] for one in group], split=["test"] * 120, group=group)
    found = Evaluable(**{**CHOICES, "min_groups": 1})(samples)
    assert found.worst == dict.fromkeys("ab", "60 in test from 6 groups, worth 6.0 independent")
    assert found.sentence.endswith(
        "resemble each other: the 60 pictures of a from 6 groups are worth about 6 independent ones."
    )
    mixed = make_manifest("ab" * 60, split=["test"] * 120, group=group)  # each group has both: nothing goes with it
    assert Evaluable(**{**CHOICES, "min_groups": 1})(mixed).passed
    assert Evaluable(**{**CHOICES, "min_groups": 13})(mixed).value == 2.0


def test_the_number_of_groups_counts_beside_that_of_samples(make_manifest):
    """As the default test split of ELPV: 6 groups of 60 cells, which said nothing of a recall of 0.2 to 0.9."""
    group = np.repeat(np.arange(34), 60)
    split = np.array(["train"] * 28 + ["test"] * 6)[group]
    label = np.random.default_rng(0).random(len(group)) < 0.3
    assert Evaluable(**CHOICES)(make_manifest(["ab"[int(one)] for one in label], split=split, group=group)).value == 2.0


def test_enough_of_each(make_manifest):
    samples = make_manifest("ab" * 10, split=["test"] * 20, group=np.arange(20))
    found = Evaluable(**{**CHOICES, "half_width": 0.45})(samples)
    assert (found.value, found.worst, found.passed) == (0.0, {}, True)


def test_without_a_label_nothing_can_be_judged(make_manifest):
    found = Evaluable(**CHOICES)(make_manifest([[], []], split=["test"] * 2, group=[0, 1]))
    assert found.obstacle.startswith("No picture of a split has a label")


@pytest.mark.parametrize(("half_width", "needed"), [(0.2, 21), (0.1, 93), (0.05, 381), (0.45, 1)])
def test_samples_needed_by_hand(half_width, needed):
    """1.96^2 x (1 / 0.16 - 1) = 20.2 for 0.2."""
    assert wilson_sample_size(half_width) == needed


@given(st.floats(0.02, 0.45))
def test_no_interval_is_wider(half_width):
    needed = wilson_sample_size(half_width)
    found = np.arange(needed + 1) / needed
    width = Z / (1 + Z**2 / needed) * np.sqrt(found * (1 - found) / needed + Z**2 / (4 * needed**2))
    assert width.max() <= half_width + 1e-9
    assert Z / (2 * math.sqrt(needed - 1 + Z**2)) > half_width - 1e-9


@pytest.mark.parametrize("half_width", [0, 0.5, -1])
def test_refused_choices(half_width):
    with pytest.raises(ValueError, match=rf"half_width must be above 0 and below 0.5, got {half_width}"):
        from_file(Evaluable, **{**CHOICES, "half_width": half_width})


def test_groups_are_needed():
    with pytest.raises(ValueError, match=r"^min_groups must be at least 1, got 0$"):
        from_file(Evaluable, **{**CHOICES, "min_groups": 0})
