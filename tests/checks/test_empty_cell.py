"""Cells of class and told attribute that were hardly ever photographed."""

import pytest
from file_options import from_file

from pipeline.checks.empty_cell import EmptyCell


def finding(samples, min_samples=2, max_attribute_values=5):
    options = {"max_attribute_values": max_attribute_values, "max_cells": 0, "on_fail": "warn"}
    return from_file(EmptyCell, min_samples=min_samples, **options)(samples)


def test_by_hand(make_manifest):
    weather = ["sun", "sun", "rain", "rain", "rain", "sun"]
    found = finding(make_manifest("aaabbb", split=["train"] * 6, attr_weather=weather))
    assert (found.value, found.passed) == (2.0, False)
    assert found.worst == {"a with weather rain": 1, "b with weather sun": 1}
    assert found.sentence.startswith("2 combinations of a class and a condition have fewer than")


def test_the_emptiest_comes_first_and_several_labels_count_each(make_manifest):
    samples = make_manifest([["a", "b"], ["a"], ["a"], ["b"]], split=["train"] * 4, attr_site=list("xxyx"))
    assert list(finding(samples).worst.items()) == [("b with site y", 0), ("a with site y", 1)]


def test_attributes_with_many_values_and_without_choice_are_passed_over(make_manifest):
    samples = make_manifest("abab", split=["train"] * 4, attr_when=list("wxyz"), attr_same=["s"] * 4)
    found = finding(samples, max_attribute_values=3)
    assert (found.value, found.sentence.split()[:3]) == (0.0, ["The", "source", "gives"])


def test_every_class_under_every_condition(make_manifest):
    found = finding(make_manifest("aabb", split=["val"] * 4, attr_site=list("xyxy")), min_samples=1)
    assert (found.value, found.passed) == (0.0, True)


def test_refused_choices():
    with pytest.raises(ValueError, match=r"min_samples must be at least 1, got 0"):
        finding(None, min_samples=0)
