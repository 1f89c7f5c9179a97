"""Labels without a counterexample."""

import pytest

from pipeline.checks.constant_label import ConstantLabel


@pytest.mark.parametrize(
    ("labels", "split", "constant"),
    [
        ("abab", "train train val val", {}),
        ([["a", "b"], ["a"], ["a", "b"], []], "train train val test", {"a in train": 2, "a in val": 1, "b in val": 1}),
        ([["a"], ["a"], ["b"]], "train train none", {"a in train": 2}),
        ([["a"], [], ["b"]], "train none none", {"a in train": 1}),
    ],
)
def test_by_hand(make_manifest, labels, split, constant):
    found = ConstantLabel(on_fail="warn")(make_manifest(labels, split=split.split()))
    assert (found.value, found.limit, found.passed) == (len(constant), 0.0, not constant)
    assert found.worst == constant
