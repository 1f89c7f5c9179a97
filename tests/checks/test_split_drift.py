"""Whether a probe tells val and test from train."""

import numpy as np
import pytest
from content_examples import only, samples_of
from file_options import from_file

from pipeline.checks.split_drift import SplitDrift
from pipeline.features.split_probe import auc_within_folds

CHOICES = {"max_auc": 0.6, "num_folds": 3, "num_resamples": 100, "seed": 0, "on_fail": "warn"}
SPLIT = np.repeat(["train", "val", "test"], [120, 60, 60])


def drawn(shift, groups=None, split=SPLIT):
    """Features of which the first lies `shift` standard deviations higher in test."""
    features = np.random.default_rng(0).normal(size=(len(split), 8))
    features[:, 0] += shift * (split == "test")
    return samples_of("ab" * (len(split) // 2), groups, split), only(features)


def test_splits_drawn_alike_are_not_told_apart():
    found = SplitDrift(**CHOICES)(*drawn(0))
    assert found.passed
    assert 0.5 <= found.value < 0.6
    assert set(found.worst) == {"val", "test"}
    assert found.pictures == {}
    assert found.sentence.startswith("A simple model hardly separates validation or test from train")


def test_a_shifted_split_is_found_and_its_strangest_pictures_shown():
    samples, content = drawn(3)
    found = SplitDrift(**CHOICES)(samples, content)
    assert not found.passed
    assert found.value > 0.85
    first = found.table[0]
    assert (first["split"], first["samples"], first["groups"]) == ("test", 60, 60)
    assert first["low"] <= first["auc"] <= first["high"]
    assert found.value == pytest.approx(first["low"], abs=1e-6)
    assert found.table[1]["low"] < 0.6  # val is as train
    low, high = 100 * first["low"], 100 * first["high"]
    assert (
        f"in {100 * first['auc']:.0f} % of the cases (95 % interval {low:.0f} to {high:.0f} %), where" in found.sentence
    )
    height = dict(zip(samples["sample_id"], content.features[:, 0], strict=True))
    strange, usual = found.pictures["Of test, least like train"], found.pictures["Of train, least like test"]
    assert min(height[name] for name in strange) > max(height[name] for name in usual)
    assert {name: SPLIT[int(name[1:])] for name in (*strange, *usual)} == dict.fromkeys(
        strange, "test"
    ) | dict.fromkeys(usual, "train")


def test_what_only_a_group_has_in_common_is_no_drift():
    # each group of test lies somewhere else; a probe that learnt from the same groups would tell them apart
    groups = np.repeat([f"g{number:02d}" for number in range(24)], 10)
    features = 0.1 * np.random.default_rng(0).normal(size=(240, 24)) + np.repeat(np.eye(24), 10, axis=0)
    found = SplitDrift(**CHOICES)(samples_of("ab" * 120, groups, SPLIT), only(features))
    assert found.passed


@pytest.mark.parametrize(
    ("groups", "split"),
    [(["g"] * 240, SPLIT), (None, np.repeat(["train", "none"], 120)), (None, np.repeat(["test"], 240))],
    ids=["one group", "no val and no test", "no train"],
)
def test_too_little_to_tell(groups, split):
    found = SplitDrift(**CHOICES)(*drawn(3, groups, split))
    assert (found.value, found.worst, found.table) == (0.5, {}, [])
    assert found.sentence.startswith("There are too few groups")
    assert found.state == "cannot_be_judged"
    assert "fewer than 5 groups, too few to measure how they differ" in found.obstacle


def test_where_nothing_differs_the_auc_is_one_half():
    """Few groups that resemble themselves; the mean of twelve data sets, each of which scatters by 0.12."""
    groups = np.repeat(np.arange(23 + 6), 20)
    split = np.where(groups < 23, "train", "test")
    told = []
    for seed in range(12):
        generator = np.random.default_rng(seed)
        features = generator.normal(size=(29, 8))[groups] + generator.normal(size=(len(groups), 8))
        samples = samples_of("ab" * (len(groups) // 2), [f"g{one}" for one in groups], split)
        told.append(SplitDrift(**CHOICES)(samples, only(features)).table[0]["auc"])
    assert np.mean(told) == pytest.approx(0.5, abs=0.07)


def test_only_pictures_of_one_fold_are_compared():
    parts = [(np.array([2, 3]), np.array([0, 1])), (np.array([0, 1]), np.array([2, 3]))]
    other, scores = np.array([True, False, True, False]), np.array([[0.9], [0.8], [0.2], [0.1]])
    weights = np.array([[1.0, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 1]])
    found = auc_within_folds(other, scores, parts, weights)  # over all folds 0.2 loses to 0.8: 3 of 4 pairs
    assert found == pytest.approx([1.0, 1.0, np.nan], nan_ok=True)


def test_a_test_split_of_one_group_does_not_pass():
    groups = np.array([f"g{one}" for one in range(180)] + ["hospital"] * 60)
    found = SplitDrift(**CHOICES)(*drawn(0, groups))
    assert found.obstacle.startswith("Test has fewer than 5 groups")
    assert [row["split"] for row in found.table] == ["val"]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"max_auc": 0.4}, r"^max_auc must be 0\.5 to 1, got 0\.4$"),
        ({"num_folds": 1}, r"^num_folds must be at least 2, got 1$"),
        ({"num_resamples": 99}, r"^num_resamples must be at least 100, got 99$"),
    ],
)
def test_refused_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(SplitDrift, **{**CHOICES, **choices})
