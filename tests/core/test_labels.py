"""Names to columns and back."""

import numpy as np
import pytest

from pipeline.core.labels import to_lists, to_matrix

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
