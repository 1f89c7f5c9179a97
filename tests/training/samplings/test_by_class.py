"""Rare classes are drawn more often, by how much a strength says."""

import numpy as np
import pandas as pd
import pytest
from file_options import from_file
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.samplings.by_class import ByClass

NONE = pd.DataFrame()


def test_by_hand():
    targets = np.eye(2)[[0, 0, 0, 0, 1]]
    np.testing.assert_allclose(ByClass(strength=1.0)(targets, ["a", "b"], NONE), [1 / 8] * 4 + [1 / 2])
    # by the square root: 1/2 each, and 1; together 3
    np.testing.assert_allclose(ByClass(strength=0.5)(targets, ["a", "b"], NONE), [1 / 6] * 4 + [1 / 3])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_every_class_that_occurs_is_drawn_equally_often(labels):
    targets = np.eye(5)[labels]
    chances = ByClass(strength=1.0)(targets, list("abcde"), NONE)
    of_class = chances @ targets
    np.testing.assert_allclose(of_class[of_class > 0], 1 / len(set(labels)))


def test_the_rarest_of_several_labels_counts_and_none_counts_as_the_commonest():
    # a four times, b twice, c once; the last sample has no label
    targets = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 0, 0]])
    chances = ByClass(strength=1.0)(targets, ["a", "b", "c"], NONE)
    np.testing.assert_allclose(chances, np.array([1 / 4, 1 / 4, 1 / 2, 1, 1 / 4]) / (9 / 4))


@pytest.mark.parametrize("strength", [0.0, 1.1, float("nan")])
def test_wrong_choices(strength):
    with pytest.raises(ValueError, match=r"^strength must be (above 0 and at most 1|a finite number), got"):
        from_file(ByClass, strength=strength)
