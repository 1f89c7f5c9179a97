"""Names to columns and back."""

import numpy as np
import pandas as pd
import pytest

from pipeline.core.labels import are_labelled, to_lists, to_matrix, without_negatives

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


def test_labels_are_known_where_there_are_some_or_somebody_looked():
    samples = pd.DataFrame({"labels": [*LABELS, []], "negative": [False, False, True, False]})
    assert are_labelled(samples).tolist() == [True, True, True, False]
    assert are_labelled(without_negatives(samples)).tolist() == [True, True, False, False]
    assert are_labelled(samples.assign(split=["none", "train", "test", "none"])).tolist() == [True, True, True, False]
    assert are_labelled(samples.assign(split="none")).tolist() == [True, True, False, False]
    assert are_labelled(samples.head(0)).tolist() == []
