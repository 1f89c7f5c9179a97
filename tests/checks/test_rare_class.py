"""Cells of class and split with too few samples."""

import pytest
from file_options import from_file

from pipeline.checks.rare_class import RareClass


def finding(samples, min_samples=3):
    return RareClass(min_samples=min_samples, on_fail="warn")(samples)


def test_by_hand(make_manifest):
    cells = [
        ("a", "train", 3),
        ("a", "test", 1),
        ("b", "train", 9),
        ("b", "val", 2),
        ("b", "test", 2),
        ("c", "none", 1),
    ]
    labels = [label for label, _, size in cells for _ in range(size)]
    found = finding(make_manifest(labels, split=[split for _, split, size in cells for _ in range(size)]))
    assert (found.value, found.limit, found.passed) == (3.0, 0.0, False)
    assert list(found.worst.items()) == [("a in test", 1), ("b in test", 2), ("b in val", 2)]
    assert found.unit == "classes in a split with fewer than 3 samples"


def test_enough_of_everything(make_manifest):
    found = finding(make_manifest("ab" * 3, split=["train"] * 6))
    assert (found.value, found.worst, found.passed) == (0.0, {}, True)


def test_at_most_five_are_named(make_manifest):
    found = finding(make_manifest("abcdefg", split=["train"] * 7))
    assert (found.value, list(found.worst)) == (7.0, [f"{name} in train" for name in "abcde"])


def test_a_multi_label_sample_counts_for_each_label(make_manifest):
    found = finding(make_manifest([["a", "b"], ["a"], ["a"]], split=["val"] * 3))
    assert found.worst == {"b in val": 1}


def test_refused_choices():
    with pytest.raises(ValueError, match=r"min_samples must be at least 1, got 0"):
        from_file(RareClass, min_samples=0, on_fail="warn")
