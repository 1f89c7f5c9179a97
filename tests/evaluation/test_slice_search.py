"""Weak slices are found, chance is not, and what could not have been found is said."""

import math

import numpy as np
import pytest

from pipeline.evaluation import slice_search
from pipeline.evaluation.slice_search import search_slices, signed_root


def quarters(num_samples, num_features, seed):
    generator = np.random.default_rng(seed)
    cut = [np.argsort(generator.random(num_samples)).reshape(4, -1) for _ in range(num_features)]
    return [np.sort(rows) for one in cut for rows in one]


def test_the_statistic_by_hand():
    # 3 of 4 wrong inside, 1 of 4 outside, 4 of 8 together
    inside = 3 * math.log(3 / 4) + math.log(1 / 4)
    by_hand = math.sqrt(2 * (2 * inside - 8 * math.log(1 / 2)))
    found = signed_root(np.array([3, 1, 2, 0]), np.array([4, 4, 4, 4]), 4, 8)
    assert found[:3] == pytest.approx([by_hand, -by_hand, 0])
    assert found[3] == pytest.approx(-math.sqrt(-2 * 8 * math.log(1 / 2)))
    assert signed_root(np.array([4]), np.array([8]), 4, 8) == 0  # a slice of all


def test_a_weak_slice_is_found_among_many_and_the_others_are_not():
    slices = quarters(400, 10, 0)
    is_right = np.random.default_rng(1).random(400) < 0.9
    is_right[slices[5][:50]] = False
    found = search_slices(is_right, slices, np.arange(400), 0)
    assert found.verdicts[5] == "weaker"
    assert found.p_values[5] == 0.001  # the least of 999 permutations
    assert found.verdicts.count("weaker") == 1


def test_a_slice_that_is_better_is_not_weaker():
    slices = quarters(400, 1, 0)
    is_right = np.random.default_rng(1).random(400) < 0.5
    is_right[slices[0]] = True
    assert search_slices(is_right, slices[:1], np.arange(400), 0).verdicts == ["not shown"]


def test_what_would_have_been_found_is_found_and_one_mistake_less_is_not():
    slices = quarters(200, 5, 3)
    is_right = np.random.default_rng(2).random(200) < 0.8
    threshold = search_slices(is_right, slices, np.arange(200), 0).found_from[0]
    num_wrong, size = int((~is_right).sum()), len(slices[0])
    fewest = round((1 - threshold) * size)
    others = np.setdiff1d(np.arange(200), slices[0])
    for wrong, verdict in ((fewest + 1, "weaker"), (fewest - 2, "not shown")):
        planted = np.ones(200, dtype=bool)
        planted[slices[0][:wrong]] = False
        planted[others[: num_wrong - wrong]] = False
        assert search_slices(planted, slices, np.arange(200), 0).verdicts[0] == verdict


def test_whole_groups_of_which_there_are_few_cannot_be_judged():
    groups = np.repeat(np.arange(4), 50)
    is_right = groups > 0  # one group is wrong throughout
    found = search_slices(is_right, [np.flatnonzero(groups == 0)], groups, 0)
    assert found.verdicts == ["cannot be judged"]
    assert np.isnan(found.found_from[0])


def test_what_divides_few_groups_can_be_found():
    groups = np.repeat(np.arange(4), 50)
    inside = np.arange(200) % 2 == 0
    is_right = np.random.default_rng(0).random(200) < np.where(inside, 0.5, 0.95)
    shuffled = np.random.default_rng(1).permuted(np.arange(200).reshape(4, 50), axis=1).ravel()
    found = search_slices(is_right[shuffled], [np.flatnonzero(inside[shuffled])], groups, 0)
    assert found.verdicts == ["weaker"]


@pytest.mark.parametrize("value", [True, False])
def test_without_mistakes_or_without_hits_nothing_can_be_found(value):
    found = search_slices(np.full(40, value), [np.arange(20)], np.arange(40), 0)
    assert found.verdicts == ["cannot be judged"]
    assert found.p_values.tolist() == [1]


def test_a_slice_with_fewer_possible_mistakes_than_needed_cannot_be_judged():
    is_right = np.ones(200, dtype=bool)
    is_right[[0, 100]] = False  # two mistakes in all: in one half of test that is chance
    found = search_slices(is_right, [np.arange(100)], np.arange(200), 0)
    assert found.verdicts == ["cannot be judged"]


def test_chance_is_found_in_about_one_of_twenty_test_sets(monkeypatch):
    """Of 60 test sets without a weak slice 3 are expected to show one, and 9 or more occur once in 200 times."""
    monkeypatch.setattr(slice_search, "MOST", 199)
    alarms = 0
    for seed in range(60):
        is_right = np.random.default_rng([seed, 7]).random(120) < 0.8
        alarms += "weaker" in search_slices(is_right, quarters(120, 6, seed), np.arange(120), seed).verdicts
    assert alarms < 9


def test_the_same_seed_gives_the_same_result():
    is_right, slices = np.random.default_rng(1).random(200) < 0.8, quarters(200, 4, 1)
    first, second = (search_slices(is_right, slices, np.arange(200) // 4, 5) for _ in range(2))
    assert np.array_equal(first.p_values, second.p_values)
    assert np.array_equal(first.found_from, second.found_from)


def test_no_slices():
    assert search_slices(np.array([True, False]), [], np.arange(2), 0).verdicts == []
