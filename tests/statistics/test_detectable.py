"""What a comparison would have found."""

import numpy as np
import pytest
from scipy.stats import t

from pipeline.statistics.bootstrap import Bootstrap, difference_interval
from pipeline.statistics.detectable import detectable_difference

BOOTSTRAP = Bootstrap(num_resamples=500, seed=0)


def measure(differences, groups=None):
    weights = BOOTSTRAP.replicates(np.arange(len(differences)) if groups is None else np.asarray(groups))
    return weights, np.concatenate([block @ differences / block.sum(axis=1) for block in weights])


def test_by_hand():
    differences = np.array([1.0, -1.0] * 5 + [0.0] * 40)  # 10 of 50 samples differ, in both directions alike
    weights, replicates = measure(differences)
    error = np.sqrt(10 / 50 / 49)  # of the mean: root of variance 10 / 49 (n - 1 below) over 50
    found = detectable_difference(replicates, weights, 50, 50)
    assert found == pytest.approx((t.ppf(0.975, 49) + t.ppf(0.8, 49)) * error)
    assert detectable_difference(replicates, weights, 50, 50, level=0.99) > found


def test_of_such_comparisons_four_in_five_find_it():
    generator = np.random.default_rng(0)
    weights, replicates = measure(generator.choice([-1.0, 0.0, 1.0], 90, p=[0.1, 0.8, 0.1]))
    size = detectable_difference(replicates, weights, 90, 90)
    found = 0
    for _ in range(400):
        sample = generator.choice([-1.0, 0.0, 1.0], 90, p=[0.1 - size / 2, 0.8, 0.1 + size / 2])
        low, _ = difference_interval(sample.mean(), measure(sample)[1], weights, 90, 90)
        found += low > 0
    assert 0.7 < found / 400 < 0.92


def test_models_that_agree_and_few_groups():
    weights, replicates = measure(np.zeros(40))
    assert detectable_difference(replicates, weights, 40, 40) == pytest.approx(1 - 0.025 ** (1 / 40))
    weights, replicates = measure(np.array([1.0, 0.0, 0.0, 1.0]))
    assert detectable_difference(replicates, weights, 4, 4) is None


def test_a_higher_level_has_a_wider_interval():
    weights, replicates = measure(np.array([1.0, 0.0, -1.0, 1.0] * 10))
    narrow, wide = (difference_interval(0.25, replicates, weights, 40, 40, level=level) for level in (0.95, 0.99))
    assert wide[0] < narrow[0] < 0.25 < narrow[1] < wide[1]
    assert (wide[1] - 0.25) / (narrow[1] - 0.25) == pytest.approx(t.ppf(0.995, 39) / t.ppf(0.975, 39))
