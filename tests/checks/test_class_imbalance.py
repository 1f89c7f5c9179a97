"""Largest class over smallest class, in train."""

import pytest
from file_options import from_file

from pipeline.checks.class_imbalance import ClassImbalance


def finding(make_manifest, labels, split, max_ratio=2.0):
    return ClassImbalance(max_ratio=max_ratio, on_fail="warn")(make_manifest(labels, split=split))


def test_by_hand(make_manifest):
    found = finding(make_manifest, "aaaaaabbbccd" + "d" * 9, ["train"] * 12 + ["test"] * 9)
    assert (found.value, found.limit, found.passed) == (6.0, 2.0, False)
    assert list(found.worst.items()) == [("d", 1), ("c", 2), ("b", 3)]
    assert found.unit == "largest class / smallest class in train"


def test_a_multi_label_sample_counts_for_each_label(make_manifest):
    found = finding(make_manifest, [["a", "b"], ["a"], []], ["train"] * 3)
    assert (found.value, found.passed) == (2.0, True)
    assert found.worst == {"b": 1, "a": 2}


def test_a_class_that_train_lacks_does_not_count(make_manifest):
    assert finding(make_manifest, "aab", ["train", "train", "test"]).value == 1.0


def test_refused_choices():
    with pytest.raises(ValueError, match=r"max_ratio must be at least 1, got 0\.9"):
        from_file(ClassImbalance, max_ratio=0.9, on_fail="warn")


def test_classes_of_one_size_are_all_named_at_once(make_manifest):
    samples = make_manifest("aabb").assign(split="train")
    assert ClassImbalance(max_ratio=10.0, on_fail="warn")(samples).sentence == (
        "Each of the 2 classes has 2 pictures in train."
    )
