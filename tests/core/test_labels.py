"""Names to columns and back."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.labels import are_labelled, parse_list, to_lists, to_matrix, without_negatives

CLASSES = ["cat", "dog", "fox"]
LABELS = [["dog"], ["cat", "fox"], []]
MATRIX = [[0, 1, 0], [1, 0, 1], [0, 0, 0]]


def test_lists_to_a_matrix_and_back():
    found = to_matrix(LABELS, CLASSES)
    assert found.dtype == np.float32
    assert found.tolist() == MATRIX
    assert to_lists(np.array(MATRIX, dtype=bool), CLASSES) == LABELS


def test_nothing():
    assert to_matrix([], CLASSES).shape == (0, 3)
    assert to_lists(np.zeros((0, 3), dtype=bool), CLASSES) == []


def test_a_label_that_is_no_class():
    with pytest.raises(KeyError, match="owl"):
        to_matrix([["owl"]], CLASSES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("['a', 'b c']", ["a", "b c"]),
        ('["a", "\\u00e9"]', ["a", "é"]),
        ("['a' 'b']", ["a", "b"]),
        ("['a'\n 'b']", ["a", "b"]),
        ("[np.str_('a'), np.str_('b')]", ["a", "b"]),
        ("""["it's", 'b']""", ["it's", "b"]),
        (r"['it\'s']", ["it's"]),
        ("('a',)", ["a"]),
        ("{'a', 'b'}", ["a", "b"]),
        ("[a b]", ["a", "b"]),
        ("[a b, c]", ["a b", " c"]),
        ("[3, 5]", ["3", "5"]),
        ("[]", []),
        (" [ ] ", []),
        ("a, b", ["a, b"]),
        ("[", ["["]),
        ("", [""]),
        ("[" * 100_000 + "]" * 100_000, ["[" * 99_999 + "]" * 99_999]),
    ],
)
def test_lists_that_programs_wrote_as_text(text, expected):
    assert parse_list(text) == expected


@given(st.lists(st.text(max_size=5), max_size=4))
def test_lists_of_json_and_python_come_back(names):
    assert parse_list(json.dumps(names)) == names
    assert all(isinstance(one, str) for one in parse_list(str(names)))


def test_labels_are_known_where_there_are_some_or_somebody_looked():
    samples = pd.DataFrame({"labels": [*LABELS, []], "negative": [False, False, True, False]})
    assert are_labelled(samples).tolist() == [True, True, True, False]
    assert are_labelled(without_negatives(samples)).tolist() == [True, True, False, False]
    assert are_labelled(samples.assign(split=["none", "train", "test", "none"])).tolist() == [True, True, True, False]
    assert are_labelled(samples.assign(split="none")).tolist() == [True, True, False, False]
    assert are_labelled(samples.assign(split="pool")).tolist() == [True, True, False, False]
    assert are_labelled(samples.head(0)).tolist() == []
