"""Paths stay inside, labels are clean, attributes have one type, and whatever is told fits into a Parquet file."""

import io
import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import ItemRejected
from pipeline.datasets.sources.items import (
    Item,
    attribute_names,
    attribute_values,
    label_list,
    mark_negatives,
    merge,
    relative,
    table,
)
from pipeline.images.decoding import REJECTION_REASONS

ANY_TEXT = st.text(st.characters(codec=None), max_size=12)  # halves of surrogate pairs too


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.png", "a.png"),
        ("./a//b.png", "a/b.png"),
        ("a/../b.png", "b.png"),
        ("cats\\1.png", "cats/1.png"),
        ("..a/b.png", "..a/b.png"),
        (" a .png", " a .png"),
        ("a\nb.png", "a\nb.png"),
    ],
)
def test_paths_as_a_listing_would_spell_them(tmp_path, path, expected):
    assert relative(tmp_path, path) == expected


def test_a_backslash_in_a_name_that_is_there(tmp_path):
    (tmp_path / "a\\b.png").touch()
    assert relative(tmp_path, "a\\b.png") == "a\\b.png"


@pytest.mark.parametrize(
    "path", ["/a.png", "../a.png", "a/../../b.png", "..", "..\\a.png", "C:\\a.png", "//host/a.png"]
)
def test_paths_that_leave(tmp_path, path):
    with pytest.raises(ItemRejected, match=r"^outside: the path is absolute or leaves"):
        relative(tmp_path, path)


@pytest.mark.parametrize("path", ["", ".", "a/.."])
def test_paths_that_name_nothing(tmp_path, path):
    with pytest.raises(ItemRejected, match=r"^missing: names no file"):
        relative(tmp_path, path)


@given(ANY_TEXT)
def test_no_accepted_path_leaves(path):
    root = Path("/nowhere/root")
    try:
        plain = relative(root, path)
    except ItemRejected as error:
        refused = error
    else:
        refused = None
    if refused:
        assert refused.reason in REJECTION_REASONS
    else:
        assert not plain.startswith("/")
        assert ".." not in plain.split("/")
        assert relative(root, plain) == plain


def test_rows_of_one_picture_are_put_together():
    rows = [
        Item(path="a", labels=["cat"], group="g", attributes={"x": 1, "site": "N"}),
        Item(path="b", labels=["dog"]),
        Item(path="a", labels=["dog", "cat"], given_split="val", attributes={"x": 2, "site": "N"}),
        Item(path=""),
        Item(path=""),
    ]
    one, *others = merge(rows)
    assert others == [rows[1], rows[3], rows[4]]
    assert (one.path, one.labels, one.group, one.given_split) == ("a", {"cat", "dog"}, "g", "val")
    assert one.attributes == {"site": "N"}


@pytest.mark.parametrize("name", ["group", "given_split"])
def test_a_picture_whose_rows_contradict_each_other_is_refused(name):
    (one,) = merge([Item(path="a", **{name: value}) for value in ("test", None, "train")])
    assert one.refused.reason == "bad_annotation"
    word = {"group": "group", "given_split": "split"}[name]
    assert one.refused.detail == f"its rows give it more than one {word}: 'test' and 'train'"


def test_labels_are_sorted_and_each_comes_once():
    assert label_list([" dog", "cat", "dog ", "", "  "]) == ["cat", "dog"]
    assert label_list(["\ud800"]) == ["\\ud800"]


def test_columns_appear_only_where_an_item_has_them():
    plain = table([Item(path="a", labels=["x"])])
    assert list(plain) == ["path", "labels", "group"]
    refused = Item(path="b", refused=ItemRejected("outside", "why\n\ud800"), attributes={"site": "N"})
    told = table([Item(path="a", given_split="val"), refused])
    assert list(told) == ["path", "labels", "group", "given_split", "refused", "detail", "attr_site"]
    assert told["given_split"].tolist() == ["val", None]
    assert told["refused"].tolist() == [None, "outside"]
    assert told["detail"].tolist() == [None, "why \\ud800"]


def test_attribute_names_hold_letters_and_digits_and_differ():
    assert attribute_names(["site", "a b", "a-b", "été", "!"]) == [
        "attr_site",
        "attr_a_b",
        "attr_a_b_2",
        "attr_été",
        "attr_unnamed",
    ]


def test_attribute_values_have_one_type():
    assert attribute_values([True, None, False]).tolist() == [True, None, False]
    assert attribute_values([1, 2.5]).tolist() == [1.0, 2.5]
    assert attribute_values([1, "a", None, [1, "é"], True]).fillna("none").tolist() == [
        "1",
        "a",
        "none",
        '[1, "é"]',
        "true",
    ]
    assert attribute_values([10**400]).tolist() == [str(10**400)]


def test_a_number_that_is_not_finite_tells_nothing():
    assert attribute_values([1.5, math.inf, -math.inf, math.nan]).fillna(0.0).tolist() == [1.5, 0.0, 0.0, 0.0]
    assert attribute_values(["dim", math.inf]).fillna("nothing").tolist() == ["dim", "nothing"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
ITEMS = st.builds(
    Item,
    path=ANY_TEXT,
    labels=st.lists(ANY_TEXT, max_size=3),
    group=st.none() | ANY_TEXT,
    refused=st.none() | st.builds(ItemRejected, st.just("outside"), ANY_TEXT),
    attributes=st.dictionaries(ANY_TEXT, JSON, max_size=3),
)


@given(st.lists(ITEMS, min_size=1, max_size=4))
def test_anything_told_fits_into_a_file(items):
    result = table(items)
    assert len(result) == len(items)
    back = pd.read_parquet(io.BytesIO(result.to_parquet()))
    assert back["path"].tolist() == result["path"].tolist()
    assert [len(labels) for labels in back["labels"]] == [len(labels) for labels in result["labels"]]


def test_a_picture_that_somebody_looked_at():
    assert mark_negatives(["cat"], "negative") == mark_negatives(["cat"], "own_label") == {"labels": ["cat"]}
    assert mark_negatives([], "negative") == {"negative": True}
    assert mark_negatives([], "unlabelled") == {"labels": []}
    assert mark_negatives([], "own_label") == {"labels": ["nothing"]}


def test_negatives_stand_in_the_table_only_where_there_are_any():
    known, looked_at, unknown = (
        Item(path="a", labels=["x"], negative=True),
        Item(path="b", negative=True),
        Item(path="c"),
    )
    assert table([known, looked_at, unknown])["negative"].tolist() == [False, True, False]
    assert "negative" not in table([known, unknown])
