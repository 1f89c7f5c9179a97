"""Labels move with their groups, and p-values are counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.permuting import adjusted, group_folds, relabelled


def test_p_values_by_hand():
    # each column has mean 2 and spread 1.22; the largest of the rows are 1.63, -0.82, -0.82 and 1.63 of it
    statistics = np.array([[4.0, 2.0], [1.0, 1.0], [1.0, 1.0], [2.0, 4.0]])
    assert adjusted(statistics).tolist() == [0.5, 0.5]  # row 3 passes both 1.63 and 0


def test_a_test_that_hardly_varies_hides_no_other():
    # the last column leaves 0.5 once, by 0.1: 3 of its own spreads, further out than the first row's 2.3 in the first
    columns = [[1.0, *np.linspace(0.3, 0.7, 9)], [0.5, *np.linspace(0.4, 0.6, 9)], [0.5] * 9 + [0.6]]
    statistics = np.stack(columns, axis=1)
    assert adjusted(statistics)[0] == pytest.approx(0.1)


def test_a_statistic_that_no_permutation_reaches_has_the_smallest_p():
    assert adjusted(np.array([[9.0], *[[float(one % 3)] for one in range(99)]]))[0] == pytest.approx(1 / 100)
    assert adjusted(np.full((5, 1), 0.5))[0] == 1.0


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(0, 99))
def test_every_row_gives_to_one_row(groups, seed):
    groups = np.unique(groups, return_inverse=True)[1]
    for takers in relabelled(groups, 3, seed):
        assert sorted(takers) == list(range(len(groups)))


def test_groups_of_one_size_move_whole():
    groups = np.array([0, 1, 2, 0, 1, 2])
    moved = set()
    for takers in relabelled(groups, 50, 0):
        assert (groups[takers[:3]] == groups[takers[3:]]).all()
        assert (takers[:3] < 3).all()  # in their order
        moved.add(tuple(takers[:3]))
    assert len(moved) == 6


def test_a_group_without_its_like_stays():
    groups = np.array([0, 0, 0, 0, 1, 2])
    assert all(takers[:4].tolist() == [0, 1, 2, 3] for takers in relabelled(groups, 9, 0))


def test_folds_keep_groups_together():
    groups = np.repeat(np.arange(20), 3)
    folds = group_folds(groups, 5, 0)
    assert np.bincount(folds).tolist() == [12] * 5
    assert (folds.reshape(20, 3) == folds[::3, None]).all()
    assert group_folds(np.zeros(4, dtype=int), 5, 0).tolist() == [0] * 4
