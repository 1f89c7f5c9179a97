"""The exponential of the entropy of the class shares, in the worst part."""

import math

import pytest
from file_options import from_file

from pipeline.checks.effective_classes import EffectiveClasses


def finding(samples, max_ratio=1.5, max_attribute_values=5, min_samples=4):
    options = {"max_attribute_values": max_attribute_values, "min_samples": min_samples, "on_fail": "warn"}
    return from_file(EffectiveClasses, max_ratio=max_ratio, **options)(samples)


def test_by_hand(make_manifest):
    found = finding(make_manifest("aaab" + "ab" + "ab", split=["train"] * 4 + ["val"] * 2 + ["test"] * 2))
    effective = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))  # 1.7548
    assert found.value == pytest.approx(2 / effective)
    assert (found.limit, found.passed) == (1.5, True)
    assert found.worst["split train"] == "1.75 of 2 in effect"
    assert found.table[0] == {
        "part": "split train",
        "samples": 4,
        "classes": 2,
        "imbalance_ratio": 3.0,
        "effective_classes": pytest.approx(effective),
        "largest_class": "a",
        "its_share": 0.75,
        "smallest_class": "b",
        "its_samples": 1,
    }


def test_equal_classes_count_in_full(make_manifest):
    found = finding(make_manifest("abcabc", split=["train"] * 6))
    assert found.value == pytest.approx(1.0)


def test_an_attribute_value_that_has_one_class_only(make_manifest):
    samples = make_manifest("abababab" + "aaaa", split=["train"] * 12, attr_site=["x"] * 8 + ["y"] * 4)
    found = finding(samples)
    assert found.value == pytest.approx(2.0)
    assert not found.passed
    assert next(iter(found.worst.items())) == ("site y", "1.00 of 2 in effect")
    assert "site y" in found.sentence
    assert finding(samples, min_samples=5).value < 1.5
    assert finding(samples, max_attribute_values=1).value < 1.5


def test_no_label_at_all(make_manifest):
    assert finding(make_manifest([[], []], split=["train", "none"])).value == 1.0


def test_refused_choices():
    with pytest.raises(ValueError, match=r"max_ratio must be at least 1, got 0.5"):
        finding(None, max_ratio=0.5)
