"""What several lines about a sample come to, and labels of any age by the names of today."""

import pandas as pd
import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.class_attributes import ClassAttribute
from pipeline.datasets.class_list import ClassList, LabelClass
from pipeline.datasets.label_decisions import LabelDecision
from pipeline.datasets.label_review import apply_decisions, combine_decisions


def decide(name, who, action="label", labels=(), previous=(), **more):
    return LabelDecision(
        sample_id=name,
        action=action,
        previous=sorted(previous),
        labels=sorted(labels),
        who=who,
        when="2026-11-30",
        why="looked",
        **more,
    )


def outcome(*decisions):
    return combine_decisions(decisions)["a"].chosen


def test_of_a_person_the_last_line_counts_and_undo_takes_it_back():
    first, second = decide("a", "Ann", labels=["cat"]), decide("a", "Ann", labels=["dog"])
    assert outcome(first, second) == second
    assert combine_decisions([first, decide("a", "Ann", "undo")]) == {}
    assert outcome(first, decide("a", "Bo", "undo")) == first
    assert outcome(first, decide("a", "Ann", "undo"), second) == second


def test_a_conflict_waits_for_a_third_line():
    ann, bo = decide("a", "Ann", labels=["cat"]), decide("a", "Bo", labels=["dog"])
    assert outcome(ann, bo) is None
    cy = decide("a", "Cy", labels=["dog"])
    assert outcome(ann, bo, cy) == cy
    assert outcome(ann, bo, decide("a", "Cy", labels=["cow"])) is None
    assert outcome(ann, bo, cy, decide("a", "Di", labels=["cat"])) is None


def test_keeping_is_the_same_as_the_labels_there_were():
    keep = decide("a", "Ann", "keep", previous=["cat"])
    assert outcome(keep, decide("a", "Bo", "relabel", ["dog"], ["cat"])) is None
    assert outcome(keep, decide("a", "Bo", "keep", previous=["cat"])).who == "Bo"
    assert outcome(keep, decide("a", "Bo", "drop", previous=["cat"])) is None


def test_a_person_goes_before_a_model():
    model, ann = decide("a", "m@3", "autolabel", ["cat"]), decide("a", "Ann", labels=["dog"])
    assert outcome(model) == model
    assert outcome(model, ann) == outcome(ann, model) == ann


def test_answers_are_of_those_who_agree():
    lines = [
        decide("a", "Ann", labels=["cat"], attributes={"size": 1.0, "note": "x"}),
        decide("a", "Bo", labels=["dog"], attributes={"size": 9.0}),
        decide("a", "Cy", labels=["cat"], attributes={"size": 2.0}),
    ]
    assert combine_decisions(lines)["a"].attributes == {"size": 2.0, "note": "x"}


def items(*labels, **more):
    return pd.DataFrame({"sample_id": list("abcdefgh")[: len(labels)], "labels": [list(one) for one in labels], **more})


def test_samples_without_a_label_get_one_or_are_found_to_show_none():
    lines = [
        decide("a", "Ann", labels=["cat"]),
        decide("b", "Ann"),
        decide("c", "Ann", labels=["dog"]),
        decide("c", "Bo"),
    ]
    found, _ = apply_decisions(items([], [], [], ["cat"], ["dog"]), [None] * 5, lines)
    assert found["labels"].tolist() == [["cat"], [], [], ["cat"], ["dog"]]
    assert found["negative"].tolist() == [False, True, False, False, False]
    assert found["decision"].fillna("").tolist() == ["label", "label", "conflict", "", ""]


def test_answers_become_attributes():
    lines = [
        decide("a", "Ann", "keep", previous=["cat"], attributes={"size": 2, "note": "odd"}),
        decide("b", "Ann", "keep", previous=["cat"], attributes={"note": 3}),
    ]
    found, _ = apply_decisions(items(["cat"], ["cat"], ["cat"]), [None] * 3, lines)
    assert found["attr_size"].tolist()[0] == 2.0
    assert found["attr_note"].fillna("").tolist() == ["odd", "3", ""]
    with pytest.raises(UserError, match="the source has an attribute 'size' of its own"):
        apply_decisions(items(["cat"], ["cat"], attr_size=1), [None] * 2, lines)


CLASSES = ClassList(
    (
        LabelClass(name="vehicle", was=("car", "lorry"), attributes=(ClassAttribute(name="size", kind="number"),)),
        LabelClass(name="left", was=("side",)),
        LabelClass(name="right", was=("side",)),
        LabelClass(name="gone", is_retired=True),
        LabelClass(name="cat"),
    )
)


def test_labels_get_the_names_of_today():
    found, _ = apply_decisions(items(["car"], ["side"], ["gone", "cat"], ["cat"]), [None] * 4, [], CLASSES)
    assert found["labels"].tolist() == [["vehicle"], [], ["cat"], ["cat"]]
    assert found["former_labels"].fillna("").tolist() == ["car", "side", "cat|gone", ""]
    assert found["decision"].fillna("").tolist() == ["", "waits", "", ""]


def test_decisions_get_the_names_of_today():
    lines = [
        decide("a", "Ann", "relabel", ["lorry"], ["cat"]),  # before the merge
        decide("b", "Ann", "relabel", ["right"], []),  # after the split, on what ingest showed
        decide("c", "Ann", "relabel", ["side"], ["cat"]),  # before the split: neither cat nor a part of it
        decide("d", "Ann", "keep", previous=["side"]),
    ]
    found, _ = apply_decisions(items(["cat"], ["side"], ["cat"], ["side"]), [None] * 4, lines, CLASSES)
    assert found["labels"].tolist() == [["vehicle"], ["right"], [], []]
    assert found["decision"].tolist() == ["relabel", "relabel", "waits", "waits"]


def test_a_list_of_classes_that_changes_nothing_adds_no_column():
    plain = items(["cat"], ["vehicle"])
    found, _ = apply_decisions(plain, [None] * 2, [], CLASSES)
    assert found.equals(plain)


def test_labels_that_the_list_does_not_name():
    with pytest.raises(UserError, match="no line names 'dog', which the source gives to 1 of its samples"):
        apply_decisions(items(["dog"]), [None], [], CLASSES)
    with pytest.raises(UserError, match="names no class 'dog'; correct one of them"):
        apply_decisions(items([]), [None], [decide("a", "Ann", labels=["dog"])], CLASSES)
    with pytest.raises(UserError, match="names no class 'gone'"):
        apply_decisions(
            items(["cat"]),
            [None],
            [decide("a", "Ann", "relabel", ["gone", "vehicle"], ["cat"])],
            ClassList(CLASSES.classes[:2] + CLASSES.classes[4:]),
        )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([decide("a", "Ann", labels=["cat"], batch="margin/1"), decide("a", "Bo", labels=["cat"])], True),
        ([decide("a", "Ann", labels=["cat"], batch="margin/1"), decide("a", "Ann", labels=["dog"])], True),
        ([decide("a", "m@1", "autolabel", ["cat"]), decide("a", "Ann", labels=["cat"])], True),
        ([decide("a", "Ann", labels=["cat"], batch="random/1")], False),
        (
            [
                *(decide("a", who, labels=[name], batch="random/1") for who, name in (("Ann", "cat"), ("Bo", "dog"))),
                decide("a", "Cy", labels=["cat"], batch="disagreement/2"),
            ],
            False,
        ),
        ([decide("a", "Ann", labels=["cat"], batch="random_forest/1")], True),
        ([decide("a", "Ann", labels=["cat"])], False),
    ],
)
def test_the_first_line_says_whether_a_sample_was_selected(lines, expected):
    assert combine_decisions(lines)["a"].is_selected == expected
    found, _ = apply_decisions(items([], ["cat"], ["dog"]), [None] * 3, lines)
    assert found.get("selected", pd.Series([False])).iloc[0] == expected


def test_a_class_that_is_retired_makes_no_negative():
    lines = [decide("a", "Ann", labels=["gone"]), decide("b", "Ann"), decide("c", "Ann", "relabel", ["gone"], ["cat"])]
    found, _ = apply_decisions(items([], [], ["cat"]), [None] * 3, lines, CLASSES)
    assert found["labels"].tolist() == [[], [], []]
    assert found["negative"].tolist() == [False, True, False]
    assert found["decision"].tolist() == ["retired", "label", "retired"]
