"""Empty cells of class and split."""

import pytest

from pipeline.checks.missing_class import MissingClass


@pytest.mark.parametrize(
    ("labels", "split", "missing"),
    [
        ("aaabbb", "train val test train val test", []),
        ("aaabb", "train val test train train", ["b in val", "b in test"]),
        ("ab", "train train", ["a in val", "a in test", "b in val", "b in test"]),
        ("aaab", "train val test none", ["b in train", "b in val", "b in test"]),
        ([["a", "b"], ["a", "b"], ["a"], ["b"], []], "train val test none test", ["b in test"]),
    ],
)
def test_by_hand(make_manifest, labels, split, missing):
    found = MissingClass(on_fail="error")(make_manifest(labels, split=split.split()))
    assert (found.value, found.limit, found.passed) == (len(missing), 0.0, not missing)
    assert found.worst == dict.fromkeys(missing, 0)


def test_at_most_five_are_named(make_manifest):
    found = MissingClass(on_fail="error")(make_manifest("abc", split=["train"] * 3))
    assert (found.value, len(found.worst)) == (6.0, 5)
