"""The number of clusters that two halves agree on."""

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.features.cluster_model import ClusterOptions
from pipeline.features.cluster_stability import (
    Stability,
    _halve,
    choose_number,
    is_stable,
    sample_groups,
    stability_curve,
)

OPTIONS = ClusterOptions(algorithm="kmeans", scaling="none", num_components=5, whiten=False, num_starts=3, seed=0)


def curve_of(points, candidates, groups=None):
    groups = np.arange(len(points)) if groups is None else groups
    return stability_curve(points, groups, candidates, OPTIONS, 4, 1000)


def test_three_groups_are_three_clusters():
    generator = np.random.default_rng(0)
    points = 6 * np.eye(3)[np.arange(150) % 3] + generator.normal(size=(150, 3))
    curve = curve_of(points, range(2, 6))
    assert choose_number(curve) == 3
    assert is_stable(curve, 3)
    assert not is_stable(curve, 5)
    assert curve[1].agreement.value > 0.97
    assert all(one.agreement.low <= one.agreement.value <= one.agreement.high <= 1 for one in curve)


def test_noise_is_not_stable():
    curve = curve_of(np.random.default_rng(1).normal(size=(120, 4)), [4, 6])
    assert not any(is_stable(curve, one) for one in (4, 6))


def at(number, value, half, repeats=5):
    estimate = Estimate(value=value, low=value - half, high=value + half, n=repeats, groups=9)
    return Stability(num_clusters=number, agreement=estimate)


def test_the_largest_within_one_standard_error_is_chosen():
    # the t quantile of 4 degrees of freedom is 2.776, so a half-width of 0.2776 is a standard error of 0.1
    curve = [at(2, 0.9, 0.2776), at(3, 0.81, 0.1), at(4, 0.79, 0.1)]
    assert choose_number(curve) == 3


def test_a_group_is_in_one_half():
    groups = np.repeat(np.arange(10), [1, 1, 1, 1, 1, 2, 2, 3, 4, 4])
    first, second = _halve(groups, 3)
    assert not set(groups[first]) & set(groups[second])
    assert sorted([*first, *second]) == list(range(20))
    assert abs(len(first) - len(second)) <= 4


def test_numbers_that_a_half_cannot_have_are_left_out():
    points = np.random.default_rng(0).normal(size=(8, 2))
    assert [one.num_clusters for one in curve_of(points, range(2, 9))] == [2, 3, 4]
    assert curve_of(points[:2], [2, 3]) == []
    assert curve_of(points, [2, 3], groups=np.zeros(8, int)) == []  # a half is empty


def test_a_sample_has_whole_groups_unless_they_are_large():
    small = np.repeat(np.arange(100), 3)
    rows = sample_groups(small, 150, 0)
    assert len(rows) == 150
    assert set(np.bincount(small[rows])) <= {0, 3}
    few = np.repeat(np.arange(4), 500)
    rows = sample_groups(few, 400, 0)
    assert len(set(rows)) == 400
    assert len(np.unique(few[rows])) == 4
    one_huge = np.concatenate([np.zeros(5000, int), np.arange(1, 31)])
    assert all(len(sample_groups(one_huge, 25, seed)) <= 50 for seed in range(5))
