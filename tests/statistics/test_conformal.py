"""Thresholds of prediction sets by hand, and their coverage."""

import numpy as np
import pytest

from pipeline.statistics.conformal import conformal_threshold, least_groups


def test_without_groups_it_is_an_order_statistic():
    """Of 19 scores at 0.9: ceil(20 x 0.9) = 18th highest."""
    scores = np.arange(19)[::-1] / 100
    assert conformal_threshold(scores, np.arange(19), 0.9) == sorted(scores, reverse=True)[17]
    assert conformal_threshold(scores[:9], np.arange(9), 0.9) == scores[:9].min()  # ceil(10 x 0.9) = 9
    assert conformal_threshold(scores[:8], np.arange(8), 0.9) is None
    assert conformal_threshold(np.zeros(0), np.zeros(0), 0.9) is None


def test_each_group_counts_the_same():
    """Three groups at 0.5: weights 1/4 a group, 1/4 for the new one. 0.9 has 1/4, each of the four 0.8 has 1/16."""
    scores = np.array([0.9, 0.8, 0.7, 0.8, 0.6, 0.1])
    groups = np.array(["a", "b", "b", "b", "b", "c"])
    # 0.9: 0.25; two of b at 0.8: 0.375; 0.7: 0.4375; 0.6: 0.5
    assert conformal_threshold(scores, groups, 0.5) == 0.6
    assert conformal_threshold(scores, np.arange(6), 0.5) == 0.7  # the ceil(7 x 0.5) = 4th highest of six
    assert conformal_threshold(scores, groups, 0.76) is None


@pytest.mark.parametrize(("coverage", "number"), [(0.9, 9), (0.5, 1), (0.95, 19), (0.8, 4)])
def test_how_many_groups_are_needed(coverage, number):
    assert least_groups(coverage) == number
    scores = np.random.default_rng(0).random(number)
    assert conformal_threshold(scores, np.arange(number), coverage) is not None
    assert conformal_threshold(scores[1:], np.arange(number - 1), coverage) is None


def test_no_coverage():
    with pytest.raises(ValueError, match=r"^coverage must be above 0 and below 1, got 1$"):
        least_groups(1)


def simulate(num_groups, icc, pooled, runs=400):
    """Share of new samples of new groups whose score is at least the threshold."""
    generator = np.random.default_rng(0)
    hits = []
    for _ in range(runs):
        sizes = generator.integers(1, 40, num_groups)
        shift = np.repeat(generator.normal(0, np.sqrt(icc), num_groups), sizes)
        scores = shift + generator.normal(0, np.sqrt(1 - icc), sizes.sum())
        groups = np.arange(len(scores)) if pooled else np.repeat(np.arange(num_groups), sizes)
        new = generator.normal(0, np.sqrt(icc), 200) + generator.normal(0, np.sqrt(1 - icc), 200)
        hits.append((new >= conformal_threshold(scores, groups, 0.9)).mean())
    return float(np.mean(hits))


def test_coverage_of_samples_of_new_groups():
    """Sets that pass over the groups cover too few; those that heed them at least as many as promised."""
    assert simulate(12, 0.5, pooled=True) < 0.885
    assert simulate(12, 0.5, pooled=False) >= 0.89
    assert simulate(200, 0.0, pooled=True) == pytest.approx(0.9, abs=0.01)
