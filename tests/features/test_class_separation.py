"""Features that see the classes and features that do not, few samples, many classes, several labels, few groups."""

import numpy as np
import pytest

from pipeline.features.class_separation import ClassDecisions, decide_evenly, measure_separation
from pipeline.features.linear_probe import (
    out_of_fold_probabilities,
    pca_directions,
    stratified_group_folds,
    untestable_rows,
)


def decide(features, given, groups):
    parts = stratified_group_folds(given, groups, 5, 0)
    fitted = out_of_fold_probabilities(pca_directions(features, 0), given, parts)
    decided = decide_evenly(fitted, given)
    return ClassDecisions(given=given, decided=decided, testable=~untestable_rows(given, parts))


def share_judged(num_runs, num, num_labels, shares, distance):
    """Of data sets with `num` samples in groups of two, whose classes are `distance` standard deviations apart."""
    judged = 0
    groups = np.arange(num) // 2
    for seed in range(num_runs):
        generator = np.random.default_rng([seed, num])
        questions = []
        features = generator.normal(size=(num, 24))
        for label in range(num_labels):
            given = np.unique(generator.choice(len(shares), num, p=shares), return_inverse=True)[1]
            features[np.arange(num), label * len(shares) + given] += distance
            questions.append(given)
        found = measure_separation([decide(features, given, groups) for given in questions], groups, 0)
        judged += found.beats_chance
    return judged / num_runs


@pytest.mark.parametrize(("num_labels", "shares"), [(1, (0.85, 0.15)), (1, (0.2,) * 5), (3, (0.7, 0.3))])
def test_random_features_hardly_ever_beat_chance_and_those_that_see_the_classes_do(num_labels, shares):
    """The share of 200 data sets each is in docs/decisions/2026-11-30-features-that-see-no-classes.md."""
    assert share_judged(12, 100, num_labels, shares, 0.0) <= 1 / 12
    assert share_judged(3, 100, num_labels, shares, 5.0) == 1


def test_figures_by_hand():
    """Recalls 3/4 and 1/2; each sample is a group of its own."""
    given = np.array([0] * 8 + [1] * 8)
    decided = np.where(np.isin(np.arange(16), (0, 1, 8, 9, 10, 11)), 1 - given, given)
    question = ClassDecisions(given=given, decided=decided, testable=np.ones(16, dtype=bool))
    found = measure_separation([question], np.arange(16), 0)
    assert (found.accuracy.value, found.chance) == (0.625, 0.5)
    assert found.accuracy.low < 0.5 < found.accuracy.high
    assert found.obstacle.startswith(
        "The features tell the classes apart no better than chance (balanced accuracy 0.62 [0.24, 0.92]"
    )
    assert ", chance 0.50), so a model" in found.obstacle
    two = measure_separation([question, ClassDecisions(given=given, decided=given, testable=given >= 0)], given, 0)
    assert (two.accuracy.value, two.chance) == (0.8125, 0.5)


def test_a_rare_class_is_decided_although_the_probabilities_know_that_it_is_rare():
    given = np.array([0] * 9 + [1])
    assert decide_evenly(np.array([[0.8, 0.2], [0.95, 0.05]]), given).tolist() == [1, 0]


def test_untestable_samples_do_not_count_and_without_any_other_there_is_no_figure():
    given = np.array([0, 0, 1, 1, 2, 2] * 3)
    some = ClassDecisions(given=given, decided=np.zeros(18, dtype=int), testable=given < 2)
    assert measure_separation([some], np.arange(18), 0).accuracy.value == 0.5
    none = measure_separation([ClassDecisions(given=given, decided=given, testable=given < 0)], np.arange(18), 0)
    assert (none.accuracy.value, none.beats_chance) == (None, False)
    assert none.obstacle.startswith("No label can be tested")


def test_with_few_groups_the_interval_is_over_samples():
    given = np.arange(120) % 2
    decided = np.where(np.arange(120) < 12, 1 - given, given)
    question = ClassDecisions(given=given, decided=decided, testable=np.ones(120, dtype=bool))
    found = measure_separation([question], np.arange(120) // 40, 0)
    assert found.accuracy.groups == 120
    assert found.beats_chance


def test_a_large_data_set_is_sampled():
    generator = np.random.default_rng(0)
    given = generator.integers(3, size=30_000)
    decided = np.where(generator.random(30_000) < 0.5, given, 0)
    question = ClassDecisions(given=given, decided=decided, testable=np.ones(30_000, dtype=bool))
    found = measure_separation([question], np.arange(30_000), 0)
    assert found.accuracy.n <= 20_000
    assert found.accuracy.value == pytest.approx((1 + 0.5 + 0.5) / 3, abs=0.02)
    assert found.beats_chance
    assert found.obstacle == ""
