"""Replicate weights over whole groups, and the intervals made of them, worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binomtest
from scipy.stats import t as student

from pipeline.statistics import bootstrap
from pipeline.statistics.bootstrap import Basis, Bootstrap, bounded_interval, difference_interval, share_interval

GROUPS = np.array(["m", "a", "m", "z"])
MANY = np.arange(101)


def varied(groups, num_resamples=4_000, seed=0):
    return Bootstrap(num_resamples=num_resamples, seed=seed).replicates(np.asarray(groups))


def rows(weights):
    return np.concatenate(list(weights))


def means(weights, values):
    """(R,) weighted means of the values."""
    found = rows(weights)
    return found @ values / found.sum(axis=1)


def test_each_group_is_left_out_once_in_the_order_of_its_name():
    np.testing.assert_array_equal(rows(varied(GROUPS)), [[1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 0]])


@pytest.mark.parametrize(("num_groups", "leaves_out", "num_rows"), [(100, True, 100), (101, False, 250)])
def test_up_to_a_hundred_groups_are_left_out_and_more_are_resampled(num_groups, leaves_out, num_rows):
    weights = varied(np.repeat(np.arange(num_groups), 2), num_resamples=250)
    assert (weights.num_groups, weights.leaves_out) == (num_groups, leaves_out)
    assert rows(weights).shape == (num_rows, 2 * num_groups)


def test_resampled_groups_stay_whole_and_as_many_are_taken_as_there_are():
    found = rows(varied(np.repeat(MANY, 2), num_resamples=2_000))
    np.testing.assert_array_equal(found[:, 0::2], found[:, 1::2])
    np.testing.assert_array_equal(found[:, 0::2].sum(axis=1), 101)
    # a count is binomial(101, 1/101): mean 1, variance 100/101; 2,000 rows: standard errors 0.022 and 0.05
    assert found[:, 0].mean() == pytest.approx(1, abs=0.1)
    assert found[:, 0].var() == pytest.approx(100 / 101, abs=0.25)


def test_the_seed_decides_where_groups_are_resampled_and_only_there():
    np.testing.assert_array_equal(rows(varied(MANY, 50, seed=1)), rows(varied(MANY, 50, seed=1)))
    assert (rows(varied(MANY, 50, seed=1)) != rows(varied(MANY, 50, seed=2))).any()
    np.testing.assert_array_equal(rows(varied(GROUPS, seed=1)), rows(varied(GROUPS, seed=2)))


@pytest.mark.parametrize(("groups", "cells", "sizes"), [(GROUPS, 8, [2, 1]), (MANY, 202, [2, 2, 1])])
def test_blocks_bound_memory_and_change_nothing(monkeypatch, groups, cells, sizes):
    whole = rows(varied(groups, num_resamples=5))
    monkeypatch.setattr(bootstrap, "CHUNK_CELLS", cells)
    blocks = list(varied(groups, num_resamples=5))
    assert [len(block) for block in blocks] == sizes
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_one_group_is_never_left_out():
    np.testing.assert_array_equal(rows(varied(["g", "g"])), np.ones((1, 2)))


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=40))
def test_the_jackknife_error_of_a_mean_is_the_formula(values):
    weights = varied(np.arange(len(values)))
    expected = np.std(values, ddof=1) / math.sqrt(len(values))
    assert weights.spread(means(weights, np.array(values))) == pytest.approx(expected, abs=1e-9)


def test_the_bootstrap_error_is_the_standard_deviation_of_the_resamples():
    values = np.arange(101.0)
    weights = varied(MANY, 4_000)
    found = means(weights, values)
    assert weights.spread(found) == pytest.approx(found.std())
    assert weights.spread(found) == pytest.approx(values.std() / math.sqrt(101), rel=0.05)


def test_samples_that_are_equal_within_groups_count_once():
    """Ten modules of ten equal cells tell as much as ten cells: the error is sqrt(10 x 99 / 90) times as large."""
    values = np.repeat(np.arange(10.0), 10)
    whole, alone = varied(np.repeat(np.arange(10), 10)), varied(np.arange(100))
    ratio = whole.spread(means(whole, values)) / alone.spread(means(alone, values))
    assert ratio == pytest.approx(math.sqrt(10 * 99 / 90))


def test_an_error_needs_half_of_the_replicates():
    weights = varied(np.arange(4))
    # 0.2 and 0.4 of four: mean square 0.01, times 3
    assert weights.spread(np.array([0.2, np.nan, 0.4, np.inf])) == pytest.approx(math.sqrt(0.03))
    assert math.isnan(weights.spread(np.array([0.2, np.nan, np.nan, np.nan])))
    assert math.isnan(weights.spread(np.full(4, np.nan)))


def share(right, sizes):
    """The interval of the share of `right` of `sizes` samples of each group."""
    hits, counts = np.asarray(right, dtype=float), np.asarray(sizes, dtype=float)
    replicates = (hits.sum() - hits) / (counts.sum() - counts)
    weights = varied(np.arange(len(hits)))
    return share_interval(hits.sum() / counts.sum(), replicates, weights, counts.sum(), len(hits))


def test_a_share_on_the_logit_scale_by_hand():
    low, high, cautious = share([14, 10, 11, 13, 12, 12], [20] * 6)
    # left out one at a time, of 100: 58, 62, 61, 59, 60, 60; the error on the logit scale by five times the mean square
    places = [math.log(one / (100 - one)) for one in (58, 62, 61, 59, 60, 60)]
    middle = sum(places) / 6
    half = 2.570582 * math.sqrt(5 / 6 * sum((one - middle) ** 2 for one in places))  # t of 5 degrees of freedom
    expected = [1 / (1 + math.exp(-(math.log(1.5) + side * half))) for side in (-1, 1)]
    assert [low, high] == pytest.approx(expected, rel=1e-6)
    assert [low, high] == pytest.approx([0.524, 0.671], abs=0.001)
    assert not cautious


def test_resamples_without_any_mistake_do_not_widen_it():
    """Of 200 pictures 5 are wrong; a resample in 150 holds none of the 5, and the logit of 1 is infinite."""
    weights = varied(np.arange(200), 4_000)
    right = np.arange(200) >= 5
    replicates = means(weights, right.astype(float))
    assert (replicates == 1).any()
    low, high, cautious = share_interval(0.975, replicates, weights, 200, 200)
    # standard error sqrt(0.975 x 0.025 / 200) = 0.01104, over the slope 0.975 x 0.025: 0.4529; t of 199 degrees 1.972
    half = 1.972 * 0.4529
    expected = [1 / (1 + math.exp(-(math.log(39) + side * half))) for side in (-1, 1)]
    assert [low, high] == pytest.approx(expected, abs=0.003)
    assert [low, high] == pytest.approx([0.941, 0.990], abs=0.003)
    assert not cautious


@given(st.lists(st.floats(0, 1), min_size=5, max_size=30), st.floats(0.01, 0.99))
def test_a_group_without_which_all_is_right_never_reaches_the_logit_scale(others, value):
    """Its variance is then at least (1 - value)^2 or so: less than one effective mistake."""
    replicates = np.array([*others, 1.0])
    found = share_interval(value, replicates - replicates.mean() + value, varied(np.arange(len(replicates))), 1e6, 9)
    assert found is not None
    if (replicates - replicates.mean() + value >= 1).any():
        assert found[2]


def test_few_mistakes_are_judged_by_korn_and_graubard_by_hand():
    # 5 groups of 20; 1 mistake in two of them: the share is 0.98; left out 79/80 twice, 78/80 three times
    low, high, cautious = share([20, 20, 20, 19, 19], [20] * 5)
    assert cautious == "few"
    # mean square 0.0125^2 x 0.24 = 0.0000375, times 4: variance 0.00015; 0.98 x 0.02 / 0.00015 is above n = 100
    effective = 100 * (1.959964 / 2.776445) ** 2  # 49.83
    hit, missed = 0.98 * effective, 0.02 * effective
    expected = [beta.ppf(0.025, hit, missed + 1), beta.ppf(0.975, hit + 1, missed)]
    assert [low, high] == pytest.approx(expected, rel=1e-5)


def test_resemblance_within_groups_lowers_the_effective_number():
    """All four mistakes in one of ten groups of ten: variance 0.0016, so 0.96 x 0.04 / 0.0016 = 24 effective ones."""
    low, high, cautious = share([10] * 9 + [6], [10] * 10)
    assert cautious == "few"  # 0.04 x 100 = 4
    found = share_interval(0.96, np.full(10, 0.96), varied(np.arange(10)), 24, 10)
    assert [low, high] == pytest.approx(found[:2], rel=1e-9)
    spread_out = share([10] * 6 + [9] * 4, [10] * 10)
    assert spread_out[1] - spread_out[0] < high - low


def test_many_mistakes_that_lie_in_few_groups_are_spread_not_few():
    """Twenty mistakes, all in one of ten groups of twenty: they count as less than one."""
    low, high, cautious = share([20] * 9 + [0], [20] * 10)
    assert cautious == "spread"
    # left out: 160/180 nine times, 1 once; the mean square is 0.09 x (1/9)^2, times 9: variance 0.01 = 0.1^2
    effective = 0.9 * 0.1 / 0.01 * (1.959964 / 2.262157) ** 2  # of nine samples, so 0.9 mistakes
    hit, missed = 0.9 * effective, 0.1 * effective
    expected = [beta.ppf(0.025, hit, missed + 1), beta.ppf(0.975, hit + 1, missed)]
    assert [low, high] == pytest.approx(expected, rel=1e-5)


def test_groups_that_agree_with_many_mistakes_are_alike_and_with_few_are_few():
    assert share([6] * 5, [10] * 5)[2] == "alike"  # 20 mistakes
    assert share([9] * 4, [10] * 4) is None
    assert share([19] * 4 + [19], [20] * 5)[2] == "alike"  # 5 mistakes of 100
    assert share([24] * 5, [25] * 5)[2] == "alike"  # 5 of 125, which are as many
    assert share([10] * 5, [10] * 5)[2] == "few"  # none


@pytest.mark.parametrize("right", [0, 100])
def test_without_a_mistake_it_is_clopper_and_pearsons(right):
    """Of 100 independent samples, t of 99 degrees of freedom: n is reduced to 97.57, a little wider than the exact."""
    low, high, cautious = share([right // 100] * 100, [1] * 100)
    exact = binomtest(right, 100).proportion_ci(method="exact")
    reduced = 100 * (1.959964 / student.ppf(0.975, 99)) ** 2
    assert reduced == pytest.approx(97.57, abs=0.01)
    edge = 0.025 ** (1 / reduced)  # with x of n right and none wrong the lower end solves p^n = 0.025
    assert [low, high] == pytest.approx([edge, 1] if right else [0, 1 - edge])
    assert [low, high] == pytest.approx([exact.low, exact.high], abs=0.001)
    assert cautious


def test_with_many_groups_it_is_clopper_and_pearsons_exactly():
    weights = varied(np.arange(100_000), 100)
    exact = binomtest(100, 100).proportion_ci(method="exact")
    found = share_interval(1.0, np.ones(100), weights, 100, 100_000)
    assert found[:2] == pytest.approx([exact.low, exact.high], abs=1e-6)
    exact = binomtest(98, 100).proportion_ci(method="exact")
    found = share_interval(0.98, np.full(100, 0.98), weights, 100, 100_000)
    assert found[:2] == pytest.approx([exact.low, exact.high], abs=1e-5)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 12)), min_size=5, max_size=30))
def test_an_interval_of_a_share_has_width_lies_in_0_to_1_and_holds_the_share(groups):
    right, sizes = [min(pair) for pair in groups], [size for _, size in groups]
    value = sum(right) / sum(sizes)
    low, high, _ = share(right, sizes)
    assert 0 <= low < high <= 1
    assert low <= value + 1e-12
    assert high >= value - 1e-12


@pytest.mark.parametrize(("right", "size"), [(1, 2), (9, 10), (19, 20)])
def test_groups_that_are_all_alike_do_not_make_it_certain(right, size):
    """No replicate differs from another: the interval is Clopper and Pearson's of as many independent samples."""
    low, high, _ = share([right] * 10, [size] * 10)
    exact = binomtest(10 * right, 10 * size).proportion_ci(method="exact")
    assert low <= exact.low
    assert high >= exact.high


def test_right_and_wrong_exchanged_mirror_the_interval():
    right = [14, 10, 20, 13, 12, 12]
    low, high, _ = share(right, [20] * 6)
    mirrored = share([20 - one for one in right], [20] * 6)
    assert mirrored[:2] == pytest.approx([1 - high, 1 - low])


@pytest.mark.parametrize(
    ("value", "replicates", "groups"),
    [
        (0.5, [0.4, 0.5, 0.5, 0.6], 4.99),
        (math.nan, [0.4, 0.5, 0.5, 0.6], 5),
        (1.2, [0.4, 0.5, 0.5, 0.6], 5),
        (0.5, [0.4, np.nan, np.nan, np.nan], 5),
    ],
)
def test_no_interval_of_a_share(value, replicates, groups):
    assert share_interval(value, np.array(replicates), varied(np.arange(4)), 10, groups) is None


def test_a_difference_by_hand():
    # the gain is 0.1; six groups left out: 0.08 twice, 0.10 twice, 0.12 twice: mean square 0.0016 / 6, times 5
    weights = varied(np.arange(6))
    found = difference_interval(0.1, np.array([0.08, 0.08, 0.1, 0.1, 0.12, 0.12]), weights, 60, 6)
    half = 2.570582 * math.sqrt(0.0016 / 6 * 5)
    assert found == pytest.approx((0.1 - half, 0.1 + half), rel=1e-6)
    assert difference_interval(0.1, np.zeros(6), weights, 60, 4.9) is None
    wild = np.array([-0.5, -0.3, 0.1, 0.3, 0.5, 0.9])
    assert difference_interval(0.4, wild, weights, 60, 6) == (-1.0, 1.0)  # no difference of two shares is further
    assert difference_interval(math.nan, np.zeros(6), weights, 60, 6) is None
    assert difference_interval(0.1, np.array([0.1, *[np.nan] * 5]), weights, 60, 6) is None


def test_two_that_agree_on_all_samples_may_differ_on_others():
    # with a share p of pictures on which they differ, none of 20 is among them with (1 - p)^20 = 0.025: p = 0.1684
    found = difference_interval(0.0, np.zeros(6), varied(np.arange(6)), 20, 6)
    assert found == pytest.approx((-0.16843, 0.16843), abs=1e-5)
    assert (1 - found[1]) ** 20 == pytest.approx(0.025)


def held(*groups):
    """(N, C) support and (N,) groups: for each class, the groups of its samples."""
    support = np.zeros((sum(map(len, groups)), len(groups)), dtype=bool)
    support[np.arange(len(support)), np.repeat(np.arange(len(groups)), list(map(len, groups)))] = True
    return support, np.array([one for names in groups for one in names])


def test_a_number_on_all_samples_rests_on_all_groups():
    assert Basis.of(np.ones((8, 1), dtype=bool), np.repeat(list("abcd"), 2)) == Basis(8, pytest.approx(4))


@pytest.mark.parametrize("num_groups", range(5, 60, 6))
def test_groups_that_weigh_alike_are_counted_exactly(num_groups):
    """A sum of rounded squares must not make four of five groups, which would be too few for an interval."""
    found = Basis.of(np.ones((num_groups, 1), dtype=bool), np.arange(num_groups))
    assert found.groups >= num_groups
    assert share_interval(0.5, np.linspace(0.4, 0.6, num_groups), varied(np.arange(num_groups)), 50, found.groups)


def test_a_mean_of_two_classes_by_hand():
    # one class in all of a to f, the other in a to e, where it has ten samples in a
    found = Basis.of(*held("abcdef", "a" * 10 + "bcde"))
    # each group of the first weighs 1/6 of a half, each of the second 1/5 of a half: five of 11/60, one of 5/60
    assert found.groups == pytest.approx(3600 / (5 * 121 + 25))
    assert found.n == pytest.approx(4 / (1 / 6 + 1 / 14))  # twice the harmonic mean of 6 and 14: 16.8
    assert found.num_thin == 0


def test_a_class_in_few_groups_is_thin():
    found = Basis.of(*held("abcdefgh", "aaaa", ""))  # the third does not occur
    # a weighs 1/16 + 1/2, each other 1/16: 256 / (81 + 7)
    assert found.groups == pytest.approx(256 / 88)
    assert found.num_thin == 1
    assert found.n == pytest.approx(4 / (1 / 8 + 1 / 4))


def test_a_class_alone_is_not_called_thin_and_nothing_rests_on_nothing():
    assert Basis.of(*held("aab")) == Basis(3, pytest.approx(2), 0)
    assert Basis.of(np.zeros((3, 2), dtype=bool), np.array(list("abc"))) == Basis(0, 0, 0)
    assert Basis.of(np.zeros((0, 2), dtype=bool), np.array([], dtype=str)) == Basis(0, 0, 0)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=40))
def test_a_mean_never_rests_on_more_than_there_is(pairs):
    classes, groups = np.array(pairs).T
    found = Basis.of(np.eye(3, dtype=bool)[classes], groups)
    assert 1 - 1e-9 <= found.groups <= len(np.unique(groups)) + 1e-9
    assert 0 < found.n <= len(pairs) + 1e-9


@pytest.mark.parametrize(
    ("groups", "num_thin", "has_interval", "cautious", "expected"),
    [
        (1, 0, False, "", "no interval: it rests on 1 independent group, fewer than 5"),
        (4.9, 2, False, "", "no interval: it rests on 4 independent groups, fewer than 5"),
        (5, 0, True, "", "it rests on 5 independent groups only"),
        (19.9, 0, True, "", "it rests on 19 independent groups only"),
        (20, 0, True, "", ""),
        (20, 0, False, "", ""),
        (30, 1, True, "", "1 class has fewer than 5 groups, so the interval may be too narrow"),
        (
            6,
            2,
            True,
            "few",
            "; ".join(
                [
                    "it rests on 6 independent groups only",
                    "2 classes have fewer than 5 groups, so the interval may be too narrow",
                    "few mistakes or successes, so the interval is wider than needed for 95 %",
                ]
            ),
        ),
    ],
)
def test_caveats(groups, num_thin, has_interval, cautious, expected):
    assert Basis(10, groups, num_thin).caveat(has_interval, cautious) == expected


@pytest.mark.parametrize(
    ("cautious", "expected"),
    [
        ("", ", and the interval is rather too narrow"),
        ("spread", "; it varies much from group to group, so the interval is wider than needed for 95 %"),
        ("alike", "; all groups agree exactly, so the interval is wider than needed for 95 %"),
    ],
)
def test_a_caveat_names_its_causes_and_does_not_contradict_itself(cautious, expected):
    found = Basis(100, 40, uneven=True).caveat(has_interval=True, cautious=cautious)
    assert found == f"a few large groups hold most of the samples{expected}"


def test_the_interval_of_a_correlation_is_on_the_scale_of_fishers_z():
    """Half the logit of (1 + r) / 2 is atanh r, so both give the same interval."""
    generator, weights = np.random.default_rng(0), varied(np.arange(30))
    replicates = 0.5 + 0.02 * generator.standard_normal(30)
    low, high, cautious = bounded_interval(0.5, replicates, weights, 1000, 30, (-1.0, 1.0))
    half = student.ppf(0.975, 29) * weights.spread(np.arctanh(replicates))
    assert (low, high) == pytest.approx((np.tanh(np.arctanh(0.5) - half), np.tanh(np.arctanh(0.5) + half)))
    assert cautious == ""
    assert bounded_interval(0.5, replicates, weights, 1000, 30, (0.0, 1.0)) == share_interval(
        0.5, replicates, weights, 1000, 30
    )


def test_the_interval_without_an_upper_bound_is_on_the_scale_of_the_logarithm():
    weights = varied(np.arange(10))
    replicates = np.linspace(1.9, 2.1, 10)
    low, high, _ = bounded_interval(2.0, replicates, weights, 100, 10, (0.0, math.inf))
    assert low * high == pytest.approx(4.0)  # 2 / f and 2 f
    assert high == pytest.approx(2 * math.exp(student.ppf(0.975, 9) * weights.spread(replicates) / 2))
    for value, varying, groups in ((0.0, replicates, 10), (2.0, np.full(10, 2.0), 10), (2.0, replicates, 4.9)):
        assert bounded_interval(value, varying, weights, 100, groups, (0.0, math.inf)) is None


def test_a_difference_of_what_reaches_further_may_be_larger():
    weights, wild = varied(np.arange(6)), np.array([-3.0, 3.0, -3.0, 3.0, -3.0, 3.0])
    assert difference_interval(0.4, wild, weights, 60, 6, width=2.0) == (-2.0, 2.0)
    alike = difference_interval(0.0, np.zeros(6), weights, 20, 6, width=2.0)
    assert alike == pytest.approx((-2 * (1 - 0.025 ** (1 / 20)), 2 * (1 - 0.025 ** (1 / 20))))
    assert difference_interval(0.0, np.zeros(6), weights, 20, 6, width=math.inf) is None
