"""Frozen features and the properties answer about each group without having seen it."""

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation import baseline_margin, cross_validation
from pipeline.evaluation.baseline_margin import margin_over_properties
from pipeline.features.linear_probe import stratified_group_folds
from pipeline.statistics.bootstrap import Bootstrap

NUM_GROUPS, SIZE = 12, 10
NUM = NUM_GROUPS * SIZE
GROUPS = np.repeat([f"g{number:02d}" for number in range(NUM_GROUPS)], SIZE)
TRUTH = np.arange(NUM) % 2


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(baseline_margin, "NUM_TREES", 20)  # what is tested does not need more
    monkeypatch.setattr(baseline_margin, "num_workers", lambda: 1)


def cross_validate(samples, features, targets, exclusive, seed):
    classes = [f"class {column}" for column in range(targets.shape[1])]
    return cross_validation.cross_validate(samples, features, targets, classes, exclusive, seed)


def pictures(brightness, groups=GROUPS):
    return pd.DataFrame({"sample_id": [f"s{row}" for row in range(len(groups))], "group": groups}).assign(
        prop_brightness=brightness
    )


def features(tells, seed=0, num=NUM):
    """(N, 16): noise, and along one direction what they tell."""
    generator = np.random.default_rng(seed)
    return generator.normal(size=(num, 16)) + 6.0 * np.outer(tells, np.ones(16))


def noise(seed, num=NUM):
    return np.random.default_rng(seed).uniform(size=num)


def gain(found, exclusive=True):
    bootstrap = Bootstrap(num_resamples=200, seed=0)
    return margin_over_properties(found.by_features, found.by_properties, exclusive, bootstrap)


def test_features_that_tell_the_label_beyond_the_properties_are_found():
    found = cross_validate(pictures(noise(1)), features(TRUTH - 0.5), np.eye(2)[TRUTH], True, seed=0)
    assert (found.by_features.decided.argmax(axis=1) == TRUTH).mean() > 0.95
    assert 0.3 < (found.by_properties.argmax(axis=1) == TRUTH).mean() < 0.7
    margin = gain(found)
    assert margin.low > 0.2
    assert margin.groups == NUM_GROUPS


def test_a_property_that_tells_the_label_leaves_nothing_beyond():
    found = cross_validate(pictures(TRUTH + 0.1 * noise(1)), features(TRUTH - 0.5), np.eye(2)[TRUTH], True, seed=0)
    assert (found.by_properties.argmax(axis=1) == TRUTH).all()
    assert gain(found).low < 0


def test_what_only_tells_the_group_is_worth_nothing():
    """Each group has one label and a place of its own among the features: remembered in a fold, of no use out of it."""
    truth = np.repeat(np.random.default_rng(3).permutation(NUM_GROUPS) % 2, SIZE)
    generator = np.random.default_rng(0)
    places = 6 * generator.normal(size=(NUM_GROUPS, 16))
    found = cross_validate(
        pictures(np.repeat(generator.uniform(size=NUM_GROUPS), SIZE)),
        np.repeat(places, SIZE, axis=0) + generator.normal(size=(NUM, 16)),
        np.eye(2)[truth],
        True,
        seed=0,
    )
    assert (found.by_features.decided.argmax(axis=1) == truth).mean() < 0.8
    assert (found.by_properties.argmax(axis=1) == truth).mean() < 0.8


def test_groups_are_never_on_both_sides_and_every_sample_is_judged_once():
    parts = stratified_group_folds(TRUTH, GROUPS, 5, 0)
    assert len(parts) == 5
    assert sorted(np.concatenate([judge for _, judge in parts])) == list(range(NUM))
    for learn, judge in parts:
        assert not set(GROUPS[learn]) & set(GROUPS[judge])
    found = cross_validate(pictures(noise(1)), features(TRUTH - 0.5), np.eye(2)[TRUTH], True, seed=0)
    assert (found.by_features.decided.sum(axis=1) == 1).all()
    assert (found.by_properties.sum(axis=1) == 1).all()
    assert found.by_features.groups.tolist() == GROUPS.tolist()
    np.testing.assert_array_equal(found.by_features.targets, np.eye(2)[TRUTH])


def test_the_seed_decides():
    def once(seed):
        found = cross_validate(pictures(noise(1)), features(0 * TRUTH), np.eye(2)[TRUTH], True, seed)
        return np.stack([found.by_features.decided, found.by_properties])

    np.testing.assert_array_equal(once(1), once(1))
    assert (once(1) != once(2)).any()


def test_several_labels_are_decided_one_by_one():
    second = np.arange(NUM) // 2 % 2
    targets = np.stack([TRUTH, second, np.ones(NUM, dtype=int), np.zeros(NUM, dtype=int)], axis=1)
    generator = np.random.default_rng(0)
    told = generator.normal(size=(NUM, 16))
    told[:, 0] += 20 * (TRUTH - 0.5)
    told[:, 1] += 20 * (second - 0.5)
    found = cross_validate(pictures(TRUTH + 0.1 * noise(1)), told, targets, False, seed=0)
    assert (found.by_features.decided == targets).mean(axis=0) == pytest.approx([1, 1, 1, 1], abs=0.05)
    shares = (found.by_properties == targets).mean(axis=0)
    assert shares[[0, 2, 3]].tolist() == [1, 1, 1]
    assert 0.3 < shares[1] < 0.7  # the brightness says nothing of it


def test_one_group_cannot_be_judged():
    assert cross_validate(pictures(noise(1), np.full(NUM, "g")), features(TRUTH), np.eye(2)[TRUTH], True, 0) is None


def test_of_many_samples_whole_groups_are_drawn(monkeypatch):
    monkeypatch.setattr(cross_validation, "MAX_SAMPLES", 65)
    samples, told, targets = pictures(noise(1)), features(TRUTH - 0.5), np.eye(2)[TRUTH]
    found = cross_validate(samples, told, targets, True, seed=0)
    sizes = pd.Series(found.by_features.groups).value_counts()
    assert (sizes == SIZE).all()
    assert len(sizes) == 6  # of ten each, six are at most 65
    assert found.by_features.groups.tolist() == sorted(found.by_features.groups)
    again, other = (cross_validate(samples, told, targets, True, seed=seed) for seed in (0, 1))
    assert set(again.by_features.groups) == set(found.by_features.groups)
    assert set(other.by_features.groups) != set(found.by_features.groups)


def test_samples_that_all_differ_in_their_labels():
    """Eight pictures with three labels in eight ways, none twice."""
    targets = np.array([[row >> 2 & 1, row >> 1 & 1, row & 1] for row in range(8)])
    found = cross_validate(
        pictures(noise(0, 8), np.arange(8).astype(str)), features(np.zeros(8), num=8), targets, False, 0
    )
    assert found.by_features.decided.shape == found.by_properties.shape == (8, 3)


def test_few_unequal_groups():
    groups = np.repeat(list("abcde"), [1, 23, 1, 3, 19])
    truth = np.array([0, *[1] * 21, 2, *[0] * 3, *[1] * 21])  # folds that are as even as may be leave one empty
    parts = stratified_group_folds(truth, groups, 5, 0)
    assert all(len(learn) and len(judge) for learn, judge in parts)
    found = cross_validate(pictures(noise(0, 47), groups), features(truth, num=47), np.eye(3)[truth], True, 0)
    assert found.by_features.decided.shape == (47, 3)
