"""What stands between labels, and which columns are the label by another name: both sides of each rule."""

import numpy as np
import pytest

from pipeline.datasets.tables.label_columns import find_labels, find_other_names, find_separator

BREEDS = ["golden retriever", "labrador retriever", "german shepherd", "australian shepherd", "pug"]
GRID = [f"{colour} {thing}" for colour in ("red", "blue", "green") for thing in ("car", "bus", "bike")]
LEAVES = ["healthy", "scab", "scab frog_eye", "rust frog_eye", "rust complex", "scab frog_eye complex"]
PLANET = ["clear primary", "haze primary", "clear primary water", "haze primary water", "agriculture clear primary"]
PLANET += ["agriculture clear primary water", "agriculture haze primary water", "cloudy"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (LEAVES, " "),
        (PLANET, " "),
        ([one.replace(" ", "/") for one in LEAVES], "/"),
        ([one.replace(" ", ";") for one in LEAVES], ";"),
        ([one.replace(" ", ", ") for one in LEAVES], ","),
        (BREEDS, None),
        (GRID, None),
        (["animal/cat", "animal/dog", "animal/wild/fox", "animal/wild/wolf"], None),
        (["cat", "dog"], None),
        (["Smith, John", "Smith, Jane"], None),
        ([str(one.split()) for one in LEAVES], "[]"),
        ([str(np.array(one.split())) for one in LEAVES], "[]"),
        (["[]", "['a']", "b"], "[]"),
        ([["a", "b"], ["b"]], None),
        ([], None),
    ],
)
def test_what_stands_between_labels(fields, expected):
    assert find_separator(fields * 3) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"a": ["x", "y"] * 4, "b": [str(number) for number in range(8)]}, "a"),
        ({"breed": ["x", "y"] * 4, "sex": ["m", "f"] * 4}, "breed"),
        ({"kind": ["x", "y"] * 4, "age": ["3", "4"] * 4}, "kind"),
        ({"kind": ["x", "y"] * 4, "sex": ["m", "f"] * 4}, None),
        ({"label": [str(number) for number in range(8)], "class": ["x", "y"] * 4}, "class"),
        ({"ClassName": ["x", "y"] * 4, "sex": ["m", "f"] * 4}, "ClassName"),
        ({"constant": ["x"] * 8, "kind": ["x", "y"] * 4}, "kind"),
    ],
)
def test_the_column_of_labels(texts, expected):
    assert find_labels(texts) == {"label_column": expected}


LABELS = ["cat", "dog", "fox"] * 4


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("class_id", [1, 2, 3] * 4),
        ("ClassId", ["0", "1", "2"] * 4),
        ("scientific_name", ["Felis catus", "Canis lupus", "Vulpes vulpes"] * 4),
        ("animal_code", ["c", "d", "f"] * 4),
        ("supercategory", ["pet", "pet", "wild"] * 4),
        ("folder", ["n021-Cat", "n022-dog", "n023-FOX"] * 4),
        ("dog", [0, 1, 0] * 4),
        ("subclass", [f"{one}{place // 6}" for place, one in enumerate(LABELS)]),
    ],
)
def test_the_label_by_another_name(name, values):
    found, _ = find_other_names({"animal": LABELS, name: values}, "animal", [name])
    assert found == [name]


@pytest.mark.parametrize(
    ("name", "values", "mentioned"),
    [
        ("camera", ["A", "B", "C"] * 4, True),
        ("camera", [1, 2, 3] * 4, True),
        ("class_camera", [1, 2, 3] * 4, True),
        ("site", ["N", "N", "S"] * 4, True),
        ("id", [7, 8, 9] * 4, True),
        ("tag_id", [7, 8, 9] * 4, True),
        ("patient", [f"{one}{place // 6}" for place, one in enumerate(LABELS)], True),
        ("dx_type", ["a", "b"] * 6, False),
        ("class_id", [1, 2, 3] * 3 + [2, 2, 2], False),
        ("class_id", [*range(12)], False),
        ("class_note", ["same"] * 12, False),
    ],
)
def test_a_shortcut_stays_an_attribute(name, values, mentioned):
    found, notes = find_other_names({"animal": LABELS, name: values}, "animal", [name])
    assert found == []
    assert bool(notes) is mentioned
