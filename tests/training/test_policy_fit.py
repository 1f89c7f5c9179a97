"""A policy from val: what it fits, and what it says it cannot."""

from dataclasses import replace

import numpy as np
import pytest
from file_options import from_file
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluation.aims.as_trained import AsTrained
from pipeline.evaluation.aims.recall_at_least import RecallAtLeast
from pipeline.statistics.calibration_error import calibration_error
from pipeline.training.policy_fit import Options, fit_policy
from pipeline.training.tasks.single_label import SingleLabel

CHOICES = {"calibration": "temperature", "min_samples": 50, "coverage": 0.9, "sets": "overall"}
CHOICES |= {"grouping": "hierarchical", "abstain": "never", "min_confidence": 0.5}
CHOICES |= {"out_of_distribution": "report", "out_of_distribution_share": 0.01, "max_reference": 2000}
OPTIONS = Options(**CHOICES)
CLASSES = ["a", "b", "c"]


def sample(number, sharpness, seed=0, num_classes=3):
    """Targets that follow the probabilities of random logits, and scores that are `sharpness` times too sure."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1.5, (number, num_classes))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (true.cumsum(axis=1) > generator.random((number, 1))).argmax(axis=1)
    sharp = np.exp(sharpness * logits)
    return np.eye(num_classes)[truth], (sharp / sharp.sum(axis=1, keepdims=True)).astype(np.float32)


def fit(options, targets, scores, groups=None, aim=None, exclusive=True, classes=CLASSES):
    groups = np.arange(len(scores)) if groups is None else groups
    return fit_policy(options, aim or AsTrained(), targets, scores, groups, classes, exclusive, "key")


def test_the_temperature_of_overconfident_scores_is_found():
    policy = fit(OPTIONS, *sample(4000, 3.0))
    assert policy.temperatures == (pytest.approx(3.0, rel=0.1),) * 3
    assert (policy.num_samples, policy.num_groups, policy.notes, policy.training_key) == (4000, 4000, (), "key")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(0.2, 6))
def test_whatever_is_fitted_no_class_changes(seed, sharpness):
    targets, scores = sample(80, sharpness, seed)
    policy, task = fit(OPTIONS, targets, scores), SingleLabel(label_smoothing=0.0)
    np.testing.assert_array_equal(policy.decide(scores, task).decided, task.decide(scores))


def test_few_samples_leave_everything_as_it_is():
    policy = fit(OPTIONS, *sample(49, 3.0))
    assert (policy.temperatures, policy.set_thresholds) == ((1.0, 1.0, 1.0), None)
    assert policy.notes[0].startswith("Calibration cannot be judged: val has 49 samples, fewer than 50.")
    assert fit(replace(OPTIONS, calibration="none"), *sample(60, 3.0)).temperatures == (1.0, 1.0, 1.0)


def test_each_label_has_its_own_temperature_and_a_rare_one_none():
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (3000, 3))
    targets = (generator.random((3000, 3)) < 1 / (1 + np.exp(-logits))).astype(float)
    targets[:, 2] = 0
    targets[:4, 2] = 1
    policy = fit(OPTIONS, targets, 1 / (1 + np.exp(-logits * [4, 0.5, 1])), exclusive=False)
    assert policy.temperatures == (pytest.approx(4, rel=0.15), pytest.approx(0.5, rel=0.15), 1.0)
    assert policy.notes[0] == (
        "Calibration of c cannot be judged: val has 4 samples with it and 2996 without, and needs 5 of both. Its "
        "scores stay as they are."
    )
    assert policy.notes[1].startswith("c is in every set: its coverage cannot be judged: 90 % needs 9 groups in val, ")
    assert policy.set_thresholds[2] == 0
    held = (policy.calibrate(1 / (1 + np.exp(-logits * [4, 0.5, 1]))) >= policy.set_thresholds)[targets[:, 0] > 0, 0]
    assert held.mean() == pytest.approx(0.9, abs=0.01)


def test_sets_cover_new_samples_and_each_class_where_that_is_wanted():
    new_targets, new_scores = sample(20_000, 2.0, seed=1)
    for sets in ("overall", "per_class"):
        policy = fit(replace(OPTIONS, sets=sets), *sample(4000, 2.0))
        found = policy.decide(new_scores, SingleLabel(label_smoothing=0.0)).sets
        held = (found & (new_targets > 0)).any(axis=1)
        assert held.mean() == pytest.approx(0.9, abs=0.02)
        if sets == "per_class":
            assert [held[new_targets[:, one] > 0].mean() for one in range(3)] == pytest.approx([0.9] * 3, abs=0.02)
    assert fit(replace(OPTIONS, sets="none"), *sample(4000, 2.0)).set_thresholds is None


def test_sets_of_real_digits_cover_what_they_promise():
    """1,797 digits of 8 x 8: a third trains a model, the others are val and test in ten random halves."""
    from sklearn.datasets import load_digits
    from sklearn.naive_bayes import GaussianNB

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    fitted, held = order[:600], order[600:]
    scores = GaussianNB(var_smoothing=0.1).fit(images[fitted], labels[fitted]).predict_proba(images[held])
    targets, coverage, fell = np.eye(10)[labels[held]], [], []
    for seed in range(10):
        val, test = np.array_split(np.random.default_rng(seed).permutation(len(held)), 2)
        policy = fit(OPTIONS, targets[val], scores[val], classes=[str(one) for one in range(10)])
        found = policy.decide(scores[test], SingleLabel(label_smoothing=0.0))
        coverage.append((found.sets & (targets[test] > 0)).any(axis=1).mean())
        right = (targets[test] > 0)[found.decided][:, None]
        before, after = (
            calibration_error(one[found.decided][:, None], right, np.ones((1, len(test))))[0]
            for one in (scores[test], found.scores)
        )
        fell.append(before - after)
    assert np.mean(coverage) == pytest.approx(0.9, abs=0.02)
    assert min(fell) > 0


def test_few_groups_give_no_sets_unless_they_are_passed_over():
    targets, scores = sample(400, 2.0)
    groups = np.arange(400) % 5
    policy = fit(OPTIONS, targets, scores, groups)
    assert policy.set_thresholds is None
    (note,) = policy.notes
    assert note.startswith("Prediction sets cannot be judged: 90 % needs 9 groups in val, found 5; lower policy.cover")
    pooled = fit(replace(OPTIONS, grouping="pooled"), targets, scores, groups)
    assert pooled.set_thresholds is not None
    assert "as if pictures had no groups" in pooled.notes[0]
    assert fit(replace(OPTIONS, coverage=0.8), targets, scores, groups).set_thresholds is not None
    per_class = fit(replace(OPTIONS, sets="per_class"), targets, scores, groups)
    assert per_class.set_thresholds is None


def test_the_aim_sees_calibrated_scores():
    targets, scores = sample(500, 3.0)
    policy = fit(OPTIONS, targets, scores, aim=RecallAtLeast(of="b", recall=0.9))
    found = policy.decide(scores, SingleLabel(label_smoothing=0.0))
    assert found.decided[targets[:, 1] > 0, 1].mean() == pytest.approx(0.9, abs=0.01)
    assert policy.rule.thresholds[0] is policy.rule.thresholds[2] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coverage": 1.0}, r"^coverage must be above 0 and below 1, got 1\.0$"),
        ({"sets": "mondrian"}, r"^sets must be 'overall', 'per_class' or 'none', got 'mondrian'$"),
        ({"abstain": False}, r"^abstain must be 'never', 'confidence' or 'sets', got False$"),
        ({"min_confidence": 2.0}, r"^min_confidence must be 0 to 1, got 2\.0$"),
        ({"out_of_distribution": True}, r"^out_of_distribution must be 'never', 'report' or 'abstain', got True$"),
        ({"out_of_distribution_share": 0.0}, r"^out_of_distribution_share must be above 0 and below 1, got 0\.0$"),
        ({"max_reference": 1}, r"^max_reference must be at least 2, got 1$"),
    ],
)
def test_wrong_choices(change, message):
    with pytest.raises(ValueError, match=message):
        from_file(Options, **{**CHOICES, **change})
