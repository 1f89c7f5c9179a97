"""Labels move with their groups, and p-values are counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.statistics.permutation import (
    block_permutations,
    combine_p_values,
    group_folds,
    label_determined_by_group_size,
    least_possible,
    max_t_p_values,
    one_per_group,
    rotations,
    significant_from,
)


def test_p_values_by_hand():
    # each column has mean 2 and spread 1.22; the largest of the rows are 1.63, -0.82, -0.82 and 1.63 of it
    statistics = np.array([[4.0, 2.0], [1.0, 1.0], [1.0, 1.0], [2.0, 4.0]])
    assert max_t_p_values(statistics[:, :, None]).tolist() == [[0.5], [0.5]]  # row 3 passes both 1.63 and 0


def test_a_test_that_hardly_varies_hides_no_other():
    # the last column leaves 0.5 once, by 0.1: 3 of its own spreads, further out than the first row's 2.3 in the first
    columns = [[1.0, *np.linspace(0.3, 0.7, 9)], [0.5, *np.linspace(0.4, 0.6, 9)], [0.5] * 9 + [0.6]]
    statistics = np.stack(columns, axis=1)
    assert max_t_p_values(statistics[:, :, None])[0] == pytest.approx(0.1)


def test_a_label_whose_figures_vary_more_sets_no_floor_for_another():
    # of three labels the first varies by 0.02 about 0.5 and is told with 0.6; the others, rare ones, vary by 0.2
    chance = np.stack([np.linspace(0.47, 0.53, 19), *[np.linspace(0.2, 0.8, 19)] * 2], axis=1)
    statistics = np.concatenate([[[0.6, 0.5, 0.5]], chance])[:, None]
    assert max_t_p_values(statistics)[0, 0] == pytest.approx(0.05)


def test_a_statistic_that_no_permutation_reaches_has_the_smallest_p():
    statistics = np.array([9.0, *[one % 3 for one in range(99)]])
    assert max_t_p_values(statistics[:, None, None]) == pytest.approx(1 / 100)
    assert max_t_p_values(np.full((5, 1, 1), 0.5)) == 1.0


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(0, 99))
def test_every_row_gives_to_one_row(groups, seed):
    groups = np.unique(groups, return_inverse=True)[1]
    for takers in block_permutations(groups, 3, seed):
        assert sorted(takers) == list(range(len(groups)))


def test_groups_of_one_size_move_whole():
    groups = np.array([0, 1, 2, 0, 1, 2])
    moved = set()
    for takers in block_permutations(groups, 50, 0):
        assert (groups[takers[:3]] == groups[takers[3:]]).all()
        assert (takers[:3] < 3).all()  # in their order
        moved.add(tuple(takers[:3]))
    assert len(moved) == 6


def test_a_group_without_its_like_stays():
    groups = np.array([0, 0, 0, 0, 1, 2])
    assert all(takers[:4].tolist() == [0, 1, 2, 3] for takers in block_permutations(groups, 9, 0))


def test_labels_move_along_the_order_of_their_group():
    groups, order = np.array([0, 1, 0, 1, 0, 2]), np.array([30, 1, 10, 2, 20, 0])
    moved = set()
    for takers in rotations(groups, order, 100, 0):
        assert takers[5] == 5
        moved.add((tuple(takers[[2, 4, 0]]), tuple(takers[[1, 3]])))  # in order
    turns = {(2, 4, 0), (4, 0, 2), (0, 2, 4)}
    assert moved == {(one, other) for one in turns for other in ((1, 3), (3, 1))}


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(0, 99))
def test_rotated_labels_stay_in_their_group(groups, seed):
    groups = np.unique(groups, return_inverse=True)[1]
    for takers in rotations(groups, np.arange(len(groups)), 3, seed):
        assert sorted(takers) == list(range(len(groups)))
        assert (groups[takers] == groups).all()


def test_the_least_p_that_there_can_be():
    # of ten ways to deal the labels two are the best: no property has a p-value below 0.2
    few = np.array([5.0, 1, 1, 2, 2, 3, 3, 4, 4, 5])[:, None, None]
    assert least_possible(few).tolist() == [0.2]
    assert least_possible(np.arange(10.0)[:, None, None]).tolist() == [0.1]
    # scaled: 0.58, -1.73, 0.58, 0.58 and -1, 1, 1, -1; all rows have something as large as the first label's 0.58
    two = np.array([[9.0, 1], [0, 2], [9, 2], [9, 1]])[:, None]
    assert least_possible(two).tolist() == [1.0, 0.5]


def test_two_ways_to_deal_are_one_p_value():
    clear = np.array([9.0, *np.linspace(0, 1, 99)])[:, None, None]
    half = np.array([0.5, *np.linspace(0, 1, 99)])[:, None, None]
    stuck = np.full((100, 1, 1), 0.5)
    assert combine_p_values([clear, half], 0.04)[0] == pytest.approx(2 / 100)
    assert combine_p_values([half, clear], 0.04)[0] == pytest.approx(2 / 100)
    assert combine_p_values([clear, stuck], 0.04)[0] == pytest.approx(
        1 / 100
    )  # what cannot move takes nothing from the other
    assert combine_p_values([stuck, clear], 0.04)[0] == pytest.approx(1 / 100)
    assert [one.tolist() for one in combine_p_values([stuck, stuck], 0.04)] == [[[1.0]], [1.0]]


def test_folds_keep_groups_together():
    groups = np.repeat(np.arange(20), 3)
    folds = group_folds(groups, 5, 0)
    assert np.bincount(folds).tolist() == [12] * 5
    assert (folds.reshape(20, 3) == folds[::3, None]).all()
    assert group_folds(np.zeros(4, dtype=int), 5, 0).tolist() == [0] * 4


def test_sizes_that_tell_the_label():
    groups = np.array([0, 0, 1, 1, 2, 3, 4])  # two pairs, three alone
    told = lambda codes: label_determined_by_group_size(groups, np.arange(7), np.array(codes), 2).tolist()  # noqa: E731
    assert told([0, 0, 0, 0, 1, 1, 1]) == [True, True]  # pairs are of class 0, the others of class 1
    assert told([0, 0, 1, 1, 0, 1, 0]) == [False, False]
    assert told([0, 0, 0, 0, 0, 0, 0]) == [False, False]  # where all have it, size has nothing to tell
    # H(2/5) = 0.673; pairs are 0, of three alone one is: 3/5 H(1/3) = 0.382, more than half
    assert told([0, 0, 0, 0, 0, 1, 1]) == [False, False]
    # H(1/5) = 0.500; one of two pairs: 2/5 H(1/2) = 0.277, more than half
    assert told([0, 0, 1, 1, 1, 1, 1]) == [False, False]


def test_one_of_each_group():
    groups = np.array([1, 0, 1, 0, 2])
    drawn = {tuple(one_per_group(groups, seed)) for seed in range(40)}
    assert drawn == {(0, 1, 4), (0, 3, 4), (1, 2, 4), (2, 3, 4)}
    assert one_per_group(groups, 0).tolist() == one_per_group(groups, 0).tolist()


def test_a_statistic_above_the_limit_has_the_p_value_and_one_below_has_not():
    generator = np.random.default_rng(0)
    statistics = generator.normal(size=(200, 5, 2))
    limits = significant_from(statistics, 0.05)
    for row, column in ((0, 0), (3, 1)):
        for step, expected in ((0.3, True), (-0.5, False)):
            changed = statistics.copy()
            changed[0] = 0
            changed[0, row, column] = limits[row, column] + step
            assert (max_t_p_values(changed)[row, column] <= 0.05) == expected


def test_no_statistic_is_significant_where_permutations_change_nothing_or_are_few():
    statistics = np.random.default_rng(0).normal(size=(200, 2, 1))
    statistics[:, 1] = 0.3
    limits = significant_from(statistics, 0.05)
    assert np.isfinite(limits[0, 0])
    assert np.isinf(limits[1, 0])
    assert np.isinf(significant_from(statistics[:10], 0.05)).all()
