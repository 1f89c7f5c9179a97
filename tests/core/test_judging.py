"""A figure is the metric on all samples; its interval resamples groups."""

import numpy as np
import pytest

from pipeline.core.judging import judge
from pipeline.metrics.accuracy import Accuracy
from pipeline.metrics.ranking import Ranking
from pipeline.metrics.rate import Rate
from pipeline.tasks.single_label import SingleLabel

TASK = SingleLabel(label_smoothing=0.0)
CLASSES = ["cat", "dog"]
METRICS = {
    "accuracy": Accuracy(),
    "recall": Rate(number="recall", averaging="none"),
    "auroc": Ranking(number="auroc", averaging="macro"),
}


@pytest.fixture(scope="module")
def data():
    """Targets and scores of 120 samples, 30 of them dogs, right about four times in five."""
    generator = np.random.default_rng(0)
    truth = np.arange(120) % 4 == 0
    dog = np.clip(0.5 + np.where(truth, 0.2, -0.2) + 0.25 * generator.standard_normal(120), 0, 1)
    return np.eye(2)[truth.astype(int)], np.stack([1 - dog, dog], axis=1)


def judged(data, metrics=METRICS, groups=None, seed=0, num_resamples=300):
    targets, scores = data
    groups = np.arange(len(targets)).astype(str) if groups is None else groups
    return judge(metrics, targets, TASK.decide(scores), scores, groups, CLASSES, num_resamples, seed)


def test_values_are_the_metrics_on_all_samples_and_lie_within_their_intervals(data):
    targets, scores = data
    found = judged(data)
    assert list(found) == ["accuracy", "recall/cat", "recall/dog", "auroc"]
    right = scores.argmax(axis=1) == targets.argmax(axis=1)
    assert found["accuracy"]["value"] == pytest.approx(right.mean())
    assert found["recall/cat"]["value"] == pytest.approx(right[targets[:, 0] == 1].mean())
    assert found["recall/dog"]["value"] == pytest.approx(right[targets[:, 1] == 1].mean())
    for entry in found.values():
        assert list(entry) == ["value", "low", "high", "n"]
        assert all(type(entry[key]) is float for key in ("value", "low", "high"))
        assert entry["low"] < entry["value"] < entry["high"]


def test_n_counts_samples_and_of_a_class_its_own(data):
    assert {name: entry["n"] for name, entry in judged(data).items()} == {
        "accuracy": 120,
        "recall/cat": 90,
        "recall/dog": 30,
        "auroc": 120,
    }


def test_a_class_with_too_few_samples_has_no_figures_of_its_own(data):
    targets, scores = data
    groups = np.arange(len(targets)).astype(str)
    found = judge(METRICS, targets, TASK.decide(scores), scores, groups, CLASSES, 100, 0, min_class=31)
    assert found["recall/dog"] == {"value": None, "low": None, "high": None, "n": 30}
    assert found["recall/cat"] == judged(data, num_resamples=100)["recall/cat"]


def test_the_interval_is_as_wide_as_the_formula_says(data):
    # accuracy p of 120 independent samples: 2 x 1.96 x sqrt(p (1 - p) / 120)
    entry = judged(data, num_resamples=2000)["accuracy"]
    width = 2 * 1.96 * np.sqrt(entry["value"] * (1 - entry["value"]) / 120)
    assert entry["high"] - entry["low"] == pytest.approx(width, rel=0.1)


def test_the_seed_decides(data):
    assert judged(data, seed=1) == judged(data, seed=1)
    one, other = judged(data, seed=1)["auroc"], judged(data, seed=2)["auroc"]
    assert one["value"] == other["value"]
    assert one["low"] != other["low"]


def test_groups_that_are_right_or_wrong_together_widen_the_interval():
    # 12 groups of 10, all right or all wrong: the interval must be about sqrt(10) times as wide
    wrong = np.repeat(np.arange(12) < 3, 10)
    scores = np.where(wrong[:, None], [0.2, 0.8], [0.8, 0.2])
    data = np.tile([1.0, 0.0], (120, 1)), scores
    metrics = {"accuracy": Accuracy()}
    alone = judged(data, metrics, num_resamples=2000)["accuracy"]
    together = judged(data, metrics, groups=np.repeat(np.arange(12), 10).astype(str), num_resamples=2000)["accuracy"]
    assert alone["value"] == together["value"] == 0.75
    ratio = (together["high"] - together["low"]) / (alone["high"] - alone["low"])
    assert ratio == pytest.approx(np.sqrt(10), rel=0.15)


def test_what_is_undefined_is_none():
    targets, scores = np.tile([1.0, 0.0], (5, 1)), np.tile([0.9, 0.1], (5, 1))
    found = judged((targets, scores))
    assert found["recall/dog"] == {"value": None, "low": None, "high": None, "n": 0}
    assert found["auroc"] == {"value": None, "low": None, "high": None, "n": 5}
    assert found["accuracy"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 5}


def test_a_value_without_an_interval(data):
    def only_on_all(targets, decided, scores, weights):
        return np.where((weights == 1).all(axis=1), 0.5, np.nan)

    only_on_all.per_class = False
    entry = judged(data, {"fragile": only_on_all})["fragile"]
    assert entry == {"value": 0.5, "low": None, "high": None, "n": 120}


def test_no_metric():
    assert judged((np.eye(2), np.eye(2)), {}) == {}
