"""Classes with too few samples to train on, or too few in test for the wanted interval."""

import math

import numpy as np
import pytest
from file_options import from_file
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.rare_class import RareClass
from pipeline.statistics.bootstrap import Z, wilson_sample_size

CHOICES = {"min_samples": 3, "half_width": 0.45, "min_groups": 1, "on_fail": "warn"}
WIDE = {**CHOICES, "min_samples": 1, "half_width": 0.2, "min_groups": 10}  # 21 independent samples


def finding(make_manifest, cells, **choices):
    """Of (class, split, number of samples), each sample a group of its own."""
    labels = [label for label, _, size in cells for _ in range(size)]
    split = [split for _, split, size in cells for _ in range(size)]
    return RareClass(**{**CHOICES, **choices})(make_manifest(labels, split=split, group=np.arange(len(labels))))


def test_few_in_train_is_a_warning(make_manifest):
    cells = [
        ("a", "train", 2),
        ("a", "test", 3),
        ("b", "train", 9),
        ("b", "val", 2),
        ("b", "test", 2),
        ("c", "none", 1),
    ]
    found = finding(make_manifest, cells, min_groups=3)
    assert (found.value, found.limit, found.state) == (3.0, 0.0, "failed")
    assert list(found.worst.items()) == [
        ("a in train", "2"),
        ("b in test", "2 from 2 groups, worth 2.0 independent"),
        ("b in val", "2"),
    ]
    assert found.unit == "pairs of a class and a split with too few pictures"
    assert found.sentence == (
        "Of 2 classes, 1 in train and 1 in val have fewer than 3 pictures; 1 have too few independent test pictures to "
        "know the recall to within 45 percentage points."
    )


def test_few_in_val_or_test_is_a_note(make_manifest):
    found = finding(
        make_manifest, [("a", "train", 3), ("a", "val", 2), ("b", "train", 3), ("b", "test", 2)], min_groups=3
    )
    assert (found.value, found.state, found.passed) == (2.0, "noted", True)
    assert found.note.startswith("Nothing has to be done: the intervals")


def test_a_person_who_wants_the_run_to_stop_is_obeyed(make_manifest):
    found = finding(make_manifest, [("a", "train", 3), ("a", "val", 2)], on_fail="error")
    assert (found.state, found.note) == ("failed", "")


def test_ten_classes_in_three_splits_are_counted_as_pairs(make_manifest):
    """17 'classes in a split' of 10 classes could not be understood."""
    cells = [(name, split, 2) for name in "abcdefghij" for split in ("train", "val")]
    found = finding(make_manifest, cells)
    assert (found.value, len(found.worst)) == (20.0, 5)
    assert found.sentence.startswith("Of 10 classes, 10 in train")


def test_a_class_that_a_split_lacks_is_not_counted_twice(make_manifest):
    found = finding(make_manifest, [("a", "train", 5), ("b", "train", 5), ("b", "test", 5)])
    assert (found.value, found.worst, found.state) == (0.0, {}, "passed")


def test_a_multi_label_sample_counts_for_each_label(make_manifest):
    samples = make_manifest([["a", "b"], ["a"], ["a"]], split=["val"] * 3)
    assert RareClass(**CHOICES)(samples).worst == {"b in val": "1"}


def test_an_interval_needs_independent_samples_of_test(make_manifest):
    found = finding(make_manifest, [("a", "test", 21), ("b", "test", 20), ("b", "train", 50), ("c", "val", 3)], **WIDE)
    assert (found.value, found.state) == (1.0, "noted")
    assert found.worst == {"b in test": "20 from 20 groups, worth 20.0 independent"}
    row = {"class": "a", "train": 0, "val": 0, "test": 21, "groups_in_test": 21}
    assert {**row, "correlation": 0.0, "independent": 21.0, "needed": 21} in found.table


def test_samples_of_a_group_are_worth_fewer(make_manifest):
    """Twelve modules of ten cells, all of one class each: 60 of a class count as its 6 modules."""
    group = np.repeat(np.arange(12), 10)
    samples = make_manifest(["ab"[one % 2] for one in group], split=["test"] * 120, group=group)
    found = RareClass(**{**WIDE, "min_groups": 1})(samples)
    assert found.worst == {f"{one} in test": "60 from 6 groups, worth 6.0 independent" for one in "ab"}
    assert found.sentence.endswith(
        "resemble each other: the 60 test pictures of a from 6 groups are worth about 6 independent ones."
    )
    mixed = make_manifest("ab" * 60, split=["test"] * 120, group=group)  # each group has both: nothing goes with it
    assert RareClass(**{**WIDE, "min_groups": 1})(mixed).state == "passed"
    assert RareClass(**{**WIDE, "min_groups": 13})(mixed).value == 2.0


def test_the_number_of_groups_counts_as_well_as_that_of_samples(make_manifest):
    """As the default test split of ELPV: 6 groups of 60 cells, which said nothing of a recall of 0.2 to 0.9."""
    group = np.repeat(np.arange(34), 60)
    split = np.array(["train"] * 28 + ["test"] * 6)[group]
    label = np.random.default_rng(0).random(len(group)) < 0.3
    assert RareClass(**WIDE)(make_manifest(["ab"[int(one)] for one in label], split=split, group=group)).value == 2.0


def test_enough_of_everything(make_manifest):
    found = finding(make_manifest, [(name, split, 10) for name in "ab" for split in ("train", "val", "test")])
    assert (found.value, found.worst, found.state) == (0.0, {}, "passed")


def test_without_a_label_nothing_can_be_judged(make_manifest):
    found = RareClass(**CHOICES)(make_manifest([[], []], split=["test"] * 2, group=[0, 1]))
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


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"min_samples": 0}, r"min_samples must be at least 1, got 0"),
        ({"half_width": 0}, r"half_width must be above 0 and below 0.5, got 0"),
        ({"half_width": 0.5}, r"half_width must be above 0 and below 0.5, got 0.5"),
        ({"half_width": -1}, r"half_width must be above 0 and below 0.5, got -1"),
        ({"min_groups": 0}, r"^min_groups must be at least 1, got 0$"),
    ],
)
def test_refused_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(RareClass, **{**CHOICES, **choices})
