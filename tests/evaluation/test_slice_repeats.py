"""A weak slice that only repeats another one is recognised, and one that is weaker stands for itself."""

import math

import numpy as np
import pytest

from pipeline.evaluation.slice_repeats import deviation, find_repeats


def with_mistakes(num_samples, *wrong):
    is_right = np.ones(num_samples, dtype=bool)
    for rows in wrong:
        is_right[rows] = False
    return is_right


def test_the_deviation_by_hand():
    # stratum 0: 4 samples, 2 wrong, 2 in the slice; stratum 1: 6 samples, 3 wrong, 3 in the slice; all its 5 are wrong
    strata = np.repeat([0, 1], [4, 6])
    wrong = np.array([1, 1, 0, 0, 1, 1, 1, 0, 0, 0], dtype=bool)
    expected = 2 * 2 / 4 + 3 * 3 / 6
    variance = 2 * 0.25 * 2 / 3 + 3 * 0.25 * 3 / 5
    assert deviation(np.flatnonzero(wrong), wrong, strata) == pytest.approx((5 - expected - 0.5) / math.sqrt(variance))


def test_a_slice_of_whole_strata_could_not_have_been_weaker():
    wrong = np.array([1, 1, 0, 0], dtype=bool)
    assert deviation(np.array([0, 1]), wrong, np.array([1, 1, 0, 0])) == -math.inf


def test_a_part_that_is_as_weak_as_the_whole_repeats_it():
    # the slice of 100 has 50 mistakes, spread evenly; the rest has none
    parent, child = np.arange(100), np.arange(50)
    is_right = with_mistakes(300, np.arange(0, 100, 2))
    assert find_repeats([child, parent], is_right) == [1, None]


def test_a_part_that_is_weaker_than_the_whole_stands_for_itself():
    # of 100 the first 40 are all wrong and of the other 60 half are
    parent, child = np.arange(100), np.arange(40)
    is_right = with_mistakes(300, child, np.arange(40, 100, 2))
    assert find_repeats([parent, child], is_right) == [None, None]


def test_a_larger_slice_that_is_weak_because_of_its_part_repeats_the_part():
    # all mistakes are in the part: 40 of 40 wrong, and none of the 60 others of the whole
    whole, part = np.arange(100), np.arange(40)
    assert find_repeats([whole, part], with_mistakes(300, part)) == [1, None]


def test_two_slices_that_share_nothing_both_stand_for_themselves():
    first, second = np.arange(40), np.arange(100, 140)
    assert find_repeats([first, second], with_mistakes(300, first, second[::2])) == [None, None]


def test_two_weak_slices_together_explain_a_third_that_neither_does_alone():
    first, second = np.arange(40), np.arange(100, 130)
    third = np.concatenate([first[:15], second[:15]])
    is_right = with_mistakes(300, first, second)
    assert find_repeats([first, third], is_right) == [None, None]
    assert find_repeats([first, second, third], is_right) == [None, None, 1]  # 15 of 30 mistakes, and 15 of 40


def test_that_which_shares_the_larger_part_of_the_mistakes_is_named():
    # the whole has 60 mistakes, its first part 40 of them; the small slice lies in the part
    whole, part = np.arange(120), np.arange(40)
    is_right = with_mistakes(400, part, np.arange(40, 120, 4))
    assert find_repeats([whole, part, np.arange(20)], is_right) == [None, None, 1]


def test_the_order_of_the_slices_does_not_matter():
    generator = np.random.default_rng(0)
    is_right = with_mistakes(400, np.arange(60), generator.choice(400, 20, replace=False))
    slices = [np.arange(60), np.arange(20, 80), np.arange(30), np.arange(0, 400, 3)]
    forward, backward = find_repeats(slices, is_right), find_repeats(slices[::-1], is_right)[::-1]
    assert [None if one is None else 3 - one for one in backward] == forward


def test_no_slice():
    assert find_repeats([], np.ones(3, dtype=bool)) == []
