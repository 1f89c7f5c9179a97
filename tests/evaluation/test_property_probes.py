"""Probes for properties: R^2 as scikit-learn has it, and a loss that is found where there is one."""

import numpy as np
from sklearn.metrics import r2_score

from pipeline.evaluation.property_probes import explained_shares, read_properties
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)


def test_r2_is_that_of_scikit_learn_with_weights() -> None:
    generator = np.random.default_rng(0)
    values, predicted = generator.normal(5, 1, (50, 2)), generator.normal(5, 1, (50, 2))
    weights = generator.integers(4, size=(6, 50)).astype(float)
    expected = [r2_score(values, predicted, sample_weight=row, multioutput="raw_values").tolist() for row in weights]
    np.testing.assert_allclose(explained_shares(values, predicted, weights), expected)
    assert np.isnan(explained_shares(np.ones((5, 1)), np.ones((5, 1)), np.ones((1, 5)))).all()


def test_a_property_that_the_later_features_lack_is_found() -> None:
    generator = np.random.default_rng(1)
    bright, sharp = generator.normal(size=(2, 400))
    mixed = generator.normal(size=(4, 6))
    others = generator.normal(size=(400, 2))
    before = np.column_stack([bright, sharp, others]) @ mixed
    after = np.column_stack([np.zeros(400), sharp, others]) @ mixed
    values, groups, codes = np.column_stack([bright, sharp]), np.repeat(np.arange(20), 20), np.arange(400) % 2
    first, second = read_properties(before, after, values, ["brightness", "sharpness"], codes, groups, BOOTSTRAP)
    assert first.name == "brightness"
    assert first.before.value > 0.99
    assert abs(first.after.value) < 0.1
    assert first.change.high < -0.8
    assert second.before.value > 0.99
    assert second.change.low > -0.01
    assert first.change.groups == 20


def test_one_group_has_no_probe_and_three_have_no_interval() -> None:
    values = np.random.default_rng(2).normal(size=(60, 1))
    codes = np.arange(60) % 2
    assert read_properties(values, values, values, ["a"], codes, np.zeros(60), BOOTSTRAP) == []
    (found,) = read_properties(values, -values, values, ["a"], codes, np.repeat(np.arange(3), 20), BOOTSTRAP)
    assert found.change.interval is None
    assert found.change.caveat == "no interval: it rests on 3 independent groups, fewer than 5"
