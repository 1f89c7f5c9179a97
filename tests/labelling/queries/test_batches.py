"""Batches hold near-duplicates only where nothing else is left."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.labelling.queries.batches import take_distinct, take_highest, take_in_turn


def test_of_each_group_the_first_comes_before_any_second():
    order, groups = np.array([5, 4, 3, 2, 1, 0]), np.array([7, 7, 8, 9, 9, 9])
    assert take_distinct(order, groups, 6).tolist() == [5, 2, 1, 4, 0, 3]
    assert take_distinct(order, groups, 2).tolist() == [5, 2]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 14))
def test_groups_are_as_even_as_they_can_be(groups, budget):
    rows = take_distinct(np.arange(len(groups)), np.array(groups), budget)
    assert len(set(rows)) == len(rows) == min(budget, len(groups))
    taken, there = np.bincount(np.array(groups)[rows], minlength=4), np.bincount(groups, minlength=4)
    assert all(taken[one] in (there[one], *range(taken.max() - 1, taken.max() + 1)) for one in range(4))


def test_the_highest_scores_are_taken_and_equal_ones_at_random():
    scores, groups = np.array([0.1, 0.9, 0.5, 0.5, 0.5, 9.0]), np.arange(6)
    found = {tuple(take_highest(scores, np.arange(5), groups, 2, np.random.default_rng(seed))) for seed in range(30)}
    assert found == {(1, 2), (1, 3), (1, 4)}


def test_in_turn_a_group_rests_until_all_have_had_theirs():
    seen = []

    def choose(allowed):
        seen.append(allowed.tolist())
        return int(allowed[0]), float(allowed[0])

    rows, scores = take_in_turn(choose, np.array([0, 1, 3]), np.array(["a", "a", "b", "b"]), 5)
    assert rows.tolist() == [0, 3, 1]
    assert scores.tolist() == [0, 3, 1]
    assert seen == [[0, 1, 3], [3], [1]]
