"""Is test like val: by its pictures, by its classes, and where that cannot be said."""

import numpy as np
import pytest

from pipeline.evaluation.exchangeability import class_shifts, compare_splits
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)
CLASSES = ["a", "b"]


def samples(val_share, test_share, number=300, shift=0.0, groups=None):
    """Targets, split, groups and features of val and test with these shares of class a."""
    generator = np.random.default_rng(0)
    is_test = np.repeat([False, True], number)
    is_a = generator.random(2 * number) < np.where(is_test, test_share, val_share)
    features = generator.normal(size=(2 * number, 8)) + shift * is_test[:, None]
    names = np.arange(2 * number) if groups is None else np.where(is_test, 0, groups) + np.arange(2 * number) % groups
    return np.stack([is_a, ~is_a], axis=1).astype(float), is_test, names, features


def test_alike():
    found = compare_splits(*samples(0.5, 0.5), CLASSES, BOOTSTRAP)
    assert found.state == "alike"
    assert found.sentence.startswith("No difference between val and test was found")
    assert 0.4 < found.auc.low < found.auc.value < 0.6
    assert found.auc.groups == 300


def test_other_classes():
    """As in PneumoniaMNIST: 74 and 62.5 %."""
    targets, is_test, groups, features = samples(0.74, 0.625, number=600)
    found = compare_splits(targets, is_test, groups, features, CLASSES, BOOTSTRAP)
    assert found.state == "differ"
    shift = found.shifts[0]
    assert shift.differs
    assert shift.change.low < targets[is_test, 0].mean() - targets[~is_test, 0].mean() < shift.change.high < 0
    assert "Test is not like val: a is 7" in found.sentence
    assert "not promised for test" in found.sentence


def test_other_pictures():
    found = compare_splits(*samples(0.5, 0.5, shift=1.0), CLASSES, BOOTSTRAP)
    assert found.state == "differ"
    assert "Test is not like val: a probe separates their pictures (9" in found.sentence
    assert found.to_json()["auc"]["value"] > 0.9


def test_few_groups_show_no_difference_because_they_cannot():
    found = compare_splits(*samples(0.5, 0.5, groups=8), CLASSES, BOOTSTRAP)
    assert found.state == "cannot_be_judged"
    assert "val has 8 groups and test has 8 groups, and with fewer than 20 a difference need not show" in found.sentence
    fewer = compare_splits(*samples(0.5, 0.5, groups=3), CLASSES, BOOTSTRAP)
    assert (fewer.state, fewer.shifts, fewer.auc) == ("cannot_be_judged", [], None)
    assert "val has 3 groups and test has 3 groups, and 5 are needed" in fewer.sentence


def test_classes_that_follow_their_groups_do_not_differ_by_chance_alone():
    """12 groups a side of 30 pictures of a class: 8 of 12 and 5 of 12 are no evidence, 240 and 150 of 360 are."""
    is_a = np.repeat([*[1] * 8, *[0] * 4, *[1] * 5, *[0] * 7], 30)
    is_test, targets = np.repeat([False, True], 360), np.stack([is_a, 1 - is_a], axis=1).astype(float)
    grouped = class_shifts(targets, is_test, np.repeat(np.arange(24), 30), CLASSES, BOOTSTRAP)
    alone = class_shifts(targets, is_test, np.arange(720), CLASSES, BOOTSTRAP)
    assert not grouped[0].differs
    assert alone[0].differs
    assert grouped[0].change.value == alone[0].change.value == pytest.approx(-0.25)


def test_p_values_are_corrected_for_the_number_of_classes():
    generator = np.random.default_rng(1)
    labels, is_test = generator.integers(0, 10, 2000), np.arange(2000) % 2 == 1
    shifts = class_shifts(np.eye(10)[labels], is_test, np.arange(2000), [str(one) for one in range(10)], BOOTSTRAP)
    assert not any(one.differs for one in shifts)
    assert min(one.p for one in shifts) > 0.05
    assert max(one.p for one in shifts) <= 1
