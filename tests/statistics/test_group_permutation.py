"""Groups permuted between two sides, with numbers worked out by hand."""

import numpy as np
import pytest

from pipeline.statistics.group_permutation import (
    least_number,
    number_for,
    permuted_distances,
    sides,
    take_equally,
    unit_means,
)


def test_every_other_side_is_tried_where_there_are_few():
    assigned = sides(np.array([False, False, False, True]), 999, np.random.default_rng(0))
    assert assigned[0].tolist() == [False, False, False, True]
    assert sorted(map(tuple, assigned.tolist()), reverse=True) == [
        tuple(one == place for one in range(4)) for place in range(4)
    ]


def test_of_many_sides_some_are_random_and_all_have_as_many_new_units():
    true = np.arange(40) < 10
    assigned = sides(true, 99, np.random.default_rng(0))
    assert assigned.shape == (100, 40)
    assert (assigned[0] == true).all()
    assert (assigned.sum(axis=1) == 10).all()
    assert len({row.tobytes() for row in assigned}) > 95


def test_distances_of_sides_are_those_of_their_means():
    means = np.array([[0.0], [2.0], [7.0]], dtype=np.float32)
    assigned = np.array([[False, False, True], [True, False, False]])
    found = permuted_distances(means, assigned, lambda reference, new: np.abs(new - reference))
    np.testing.assert_allclose(found, [[6.0], [4.5]])  # 7 - (0 + 2) / 2, |0 - (2 + 7) / 2|


def test_each_group_gives_as_many_samples_and_the_smallest_are_left_out():
    groups = np.repeat(["a", "b", "c", "d", "e", "f", "n"], [1, 5, 6, 7, 8, 9, 5])
    units = take_equally(groups, groups == "n", np.random.default_rng(0))
    assert np.bincount(units.codes).tolist() == [5] * 6  # the lower fifth of 1, 5, 6, 7, 8, 9 is 5
    assert sorted(set(groups[units.rows])) == ["b", "c", "d", "e", "f", "n"]
    assert (units.num_reference, units.num_new, units.are_groups) == (5, 1, True)
    values = (groups[units.rows] == "c").astype(np.float32)[:, None]
    assert sorted(unit_means(values, units)[:, 0].tolist()) == [0, 0, 0, 0, 0, 1]


def test_a_group_on_both_sides_is_two_units():
    units = take_equally(np.array(["a", "a", "b"]), np.array([False, True, True]), np.random.default_rng(0))
    assert (units.num_reference, units.num_new, units.are_groups) == (1, 2, False)


@pytest.mark.parametrize(
    ("num_reference", "alpha", "expected"),
    [(19, 0.05, 1), (18, 0.05, 2), (5, 0.05, 2), (2, 0.05, 5), (1, 0.05, 19), (0, 0.05, None)],
)
def test_how_many_new_units_can_be_significant(num_reference: int, alpha: float, expected: int | None):
    assert least_number(num_reference, alpha) == expected  # 1 / C(n + k, k) at most alpha


def test_how_many_new_units_a_smaller_error_needs():
    assert number_for(100, 10, 1.0) == 10
    assert number_for(100, 10, 0.5) == 58  # 1 / (0.25 (1/100 + 1/10) - 1/100) = 57.1
    assert number_for(100, 100, 0.7) is None  # half of 0.02 is less than 1/100
