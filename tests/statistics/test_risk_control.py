"""Bounds of an error are those of the books, thresholds keep their promise, and too few labels promise nothing."""

import numpy as np
import pytest
from scipy.stats import binom

from pipeline.statistics.bootstrap import Bootstrap
from pipeline.statistics.risk_control import (
    LabelledScores,
    candidate_thresholds,
    choose_threshold,
    error_bound,
    exact_interval,
    smallest_sample,
    upper_bound,
)

BOOTSTRAP = Bootstrap(num_resamples=100, seed=0)


def alone(scores, wrong):
    return LabelledScores(scores=scores, wrong=wrong, groups=np.arange(len(scores)).astype(str))


def draw(generator, number):
    """Scores, and mistakes that are rarer where the score is higher: the error above t is (1 - t) / 2."""
    scores = generator.random(number)
    return scores, generator.random(number) < 1 - scores


def test_upper_bounds_of_clopper_and_pearson():
    assert upper_bound(0, 59, 0.95) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert binom.cdf(3, 100, upper_bound(3, 100, 0.95)) == pytest.approx(0.05)
    assert upper_bound(4, 4, 0.95) == 1.0
    low, high = exact_interval(1, 20)
    assert (low, high) == pytest.approx((0.001265, 0.248733), abs=1e-6)
    assert exact_interval(0, 20)[0] == 0.0


def test_the_smallest_sample_without_an_error():
    assert smallest_sample(0.05, 0.95) == 59
    assert smallest_sample(0.01, 0.95) == 299
    assert upper_bound(0, 59, 0.95) <= 0.05 < upper_bound(0, 58, 0.95)


def test_groups_without_an_error_count_as_single_samples():
    none = np.zeros(300, dtype=bool)
    groups = np.repeat(np.arange(30), 10)
    assert error_bound(none, np.arange(300), 0.95, BOOTSTRAP) == pytest.approx(1 - 0.05 ** (1 / 300))
    assert error_bound(none, groups, 0.95, BOOTSTRAP) == pytest.approx(1 - 0.05 ** (1 / 30))
    assert error_bound(none[:0], groups[:0], 0.95, BOOTSTRAP) == 1.0


def test_errors_that_come_together_widen_the_bound():
    apart, together = np.zeros(600, dtype=bool), np.zeros(600, dtype=bool)
    apart[::30] = True  # 20 errors in 20 groups
    together[:20] = together[300:320] = together[580:] = True  # 60 errors in 6 groups
    groups = np.repeat(np.arange(60), 10)
    by_groups = error_bound(together, groups, 0.95, BOOTSTRAP)
    assert by_groups > error_bound(together, np.arange(600), 0.95, BOOTSTRAP) + 0.03
    spread = error_bound(apart, groups, 0.95, BOOTSTRAP)
    assert spread == pytest.approx(error_bound(apart, np.arange(600), 0.95, BOOTSTRAP), abs=0.01)


def test_candidates_are_quantiles_of_the_samples_to_be_labelled():
    found = candidate_thresholds(np.arange(100) / 100, 4)
    assert found.tolist() == [0.75, 0.5, 0.25, 0.0]
    assert candidate_thresholds(np.array([0.5, 0.5, 0.5]), 4).tolist() == [0.5]
    assert candidate_thresholds(np.zeros(0)).tolist() == []


def test_the_promise_holds():
    """The error above t is (1 - t) / 2, so the aim of 0.1 holds from t = 0.8 on."""
    generator, false, shares = np.random.default_rng(0), 0, []
    for _ in range(40):
        scores, wrong = draw(generator, 1500)
        found = choose_threshold(alone(scores, wrong), generator.random(2000), 0.1, 0.95, BOOTSTRAP)
        if found.chosen is not None:
            false += found.chosen.threshold < 0.8
            shares.append(1 - found.chosen.threshold)
    assert false <= 5  # of 40; 2 are expected at most, and more than 5 happen in 1 of 70 cases
    assert len(shares) > 22
    assert np.mean(shares) > 0.07  # of the 0.2 that the truth allows


def test_nothing_is_promised_with_few_labels_or_a_poor_model():
    generator = np.random.default_rng(1)
    scores = np.linspace(0.5, 1, 50)
    few = choose_threshold(alone(scores, np.zeros(50, dtype=bool)), scores, 0.05, 0.95, BOOTSTRAP)
    assert few.chosen is None
    assert few.needed == 59
    poor = choose_threshold(alone(scores, np.ones(50, dtype=bool)), scores, 0.05, 0.95, BOOTSTRAP)
    assert (poor.chosen, poor.needed) == (None, None)
    some = np.zeros(200, dtype=bool)
    some[::40] = True  # 2.5 %
    middling = choose_threshold(alone(generator.random(200), some), generator.random(500), 0.05, 0.95, BOOTSTRAP)
    if middling.chosen is None:
        assert middling.needed is not None
        assert middling.needed > 59


def test_the_choice_is_the_last_that_holds_in_each_sequence():
    scores = np.linspace(0, 1, 2001)
    wrong = scores < 0.5
    found = choose_threshold(alone(scores, wrong), scores, 0.05, 0.95, BOOTSTRAP)
    assert found.chosen is not None
    assert found.chosen.upper <= 0.05
    assert 0.45 < found.chosen.threshold <= 0.5
    assert any(one.upper > 0.05 for one in found.tried)
    assert found.chosen.num_samples == int((scores >= found.chosen.threshold).sum())
