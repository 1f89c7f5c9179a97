"""How evenly the classes are there, by hand."""

import math

import pytest

from pipeline.datasets.class_balance import balance_table, conditions
from pipeline.report.balance import NUM_SHOWN, balances


def test_a_split_and_a_condition_by_hand(make_manifest):
    split = ["train"] * 4 + ["test"] * 2 + ["none"]
    samples = make_manifest("aaababb", split=split, attr_site=list("xxxyxyx"))
    train, test, uneven, even = balance_table(samples, ["attr_site"], 2)
    assert train == {
        "part": "split train",
        "samples": 4,
        "classes": 2,
        "imbalance_ratio": 3.0,
        "effective_classes": pytest.approx(math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))),
        "largest_class": "a",
        "its_share": 0.75,
        "smallest_class": "b",
        "its_samples": 1,
    }
    assert (test["part"], test["imbalance_ratio"], test["effective_classes"]) == ("split test", 1.0, pytest.approx(2.0))
    assert (uneven["part"], uneven["samples"], uneven["effective_classes"]) == ("site x", 4, pytest.approx(1.0))
    assert (even["part"], even["largest_class"], even["smallest_class"]) == ("site y", "b", "b")
    assert [row["part"] for row in balance_table(samples, ["attr_site"], 3)] == ["split train", "split test", "site x"]


def test_each_label_of_a_sample_counts(make_manifest):
    (row,) = balance_table(make_manifest([["a", "b"], ["a"], []], split=["val"] * 3), [], 1)
    assert (row["samples"], row["imbalance_ratio"]) == (3, 2.0)


def test_conditions_that_can_be_compared(make_manifest):
    columns = {"attr_same": ["s"] * 4, "attr_site": list("xyxy"), "attr_when": list("abcd"), "prop_x": [1, 2, 1, 2]}
    columns["attr_of_label_sure"] = [0, 0, 1, 1]  # told of the label, not of the picture
    columns["attr_exif_time"] = ["2020-09-14 23:00:19", None, "2020-09-15 08:00:00", None]
    assert conditions(make_manifest("aabb", **columns), 3) == ["attr_site"]


def test_the_page_shows_a_bounded_number_of_parts(make_manifest):
    labels = "ab" * 100
    told = {f"attr_{number}": [f"{row % 10}" for row in range(200)] for number in range(5)}
    manifest = make_manifest(labels, **told)
    splits = manifest[["sample_id"]].assign(split=["train"] * 150 + ["test"] * 50, group=manifest["sample_id"])
    found = balances(manifest, splits)
    assert (found.num_classes, len(found.rows), found.left_out) == (2, NUM_SHOWN, 2 + 50 - NUM_SHOWN)
    assert [row["part"] for row in found.rows[:2]] == ["split train", "split test"]
    assert found.rows[2]["effective_classes"] == pytest.approx(1.0)  # each value of ten has one class of two


def test_whether_a_picture_is_from_feedback_is_no_condition_of_the_source(make_manifest):
    """A few corrected pictures lack most classes, which says nothing of the data; a source's own origins count."""
    assert conditions(make_manifest("aabb", attr_origin=["source", "source", "source", "feedback"]), 3) == []
    assert conditions(make_manifest("aabb", attr_origin=["web", "lab", "lab", "feedback"]), 3) == ["attr_origin"]
