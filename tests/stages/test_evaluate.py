"""Predictions of val and test, and their figures."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from file_options import from_file
from policy_examples import make_policy

from pipeline.core import artifacts
from pipeline.core.estimate import Estimate
from pipeline.core.predictions import Predictions
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation import split_evaluation
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.balanced_accuracy import BalancedAccuracy
from pipeline.evaluation.metrics.ranking import Ranking
from pipeline.evaluation.metrics.rate import Rate
from pipeline.evaluation.split_evaluation import (
    Options,
    baseline_margin,
    cross_validated_figures,
    evaluate_split,
    predict_splits,
)
from pipeline.statistics.classification import balanced_accuracy
from pipeline.training.tasks.single_label import SingleLabel

TASK = SingleLabel(label_smoothing=0.0)
PLAIN = make_policy(2)
OPTIONS = {"num_resamples": 100, "seed": 0, "half_width": 0.45, "min_slice": 1, "max_slices": 500, "num_mistakes": 0}
OPTIONS["cross_validation"] = "never"


class Predictor:
    """Takes note of what it is told of the pictures, and scores them by a function."""

    task = TASK

    def __init__(self, predict):
        self.predict, self.seen = predict, []

    def with_metadata(self, metadata):
        self.seen.append(metadata)
        return self


def brightness(images):
    """Sure of class b where the picture is bright."""
    bright = images.mean(axis=(1, 2, 3), dtype=np.float64) / 255
    return np.stack([1 - bright, bright], axis=1)


@pytest.fixture
def predictions(packed):
    return predict_splits(Predictor(brightness), packed, PLAIN)


def test_predictions_are_those_of_val_and_test(packed, predictions):
    assert list(predictions) == [
        *("sample_id", "split", "labels", "group", "attr_site"),
        *("scores", "decided", "raw_scores", "abstains"),
    ]
    assert predictions["sample_id"].tolist() == [f"s{position}" for position in range(12, 20)]
    assert predictions["split"].tolist() == ["val"] * 4 + ["test"] * 4
    assert predictions["decided"].tolist() == [["a"], ["b"]] * 4
    scores = np.stack(predictions["scores"])
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, brightness(packed.images[12:]), rtol=1e-6)


def test_what_is_told_of_the_pictures_goes_with_them(packed):
    predictor = Predictor(brightness)
    predict_splits(predictor, packed, PLAIN)
    seen = predictor.seen
    assert seen[0]["sample_id"].tolist() == [f"s{position}" for position in range(12, 20)]
    assert seen[0]["attr_site"].tolist() == packed.index["attr_site"].tolist()[12:]
    assert seen[0].index.tolist() == list(range(8))


def test_figures_of_the_test_split(predictions):
    test = predictions[predictions["split"] == "test"].reset_index(drop=True)
    test.loc[0, "labels"] = test.loc[1, "labels"]  # one label is wrong now: 3 of 4 right, 2 of 3 b found
    test = pd.concat([test.assign(sample_id=test["sample_id"] + f"-{copy}") for copy in range(5)], ignore_index=True)
    metrics = {"accuracy": Accuracy(), "recall": Rate(number="recall", averaging="none")}
    found = evaluate_split(metrics, Predictions.of(test, ["a", "b"]), Options(**OPTIONS))
    assert {name: (one.value, one.n, one.groups) for name, one in found.items()} == {
        "accuracy": (0.75, 20, 2),
        "recall/a": (1.0, 5, 1),
        "recall/b": (pytest.approx(2 / 3), 15, 2),
    }
    caveat = "no interval: it rests on 2 independent groups, fewer than 5"
    assert found["accuracy"] == Estimate(value=0.75, low=None, high=None, n=20, groups=2, caveat=caveat)


def test_a_model_that_says_every_label_would_reach_1():
    """Why balanced accuracy is refused: the recall of every label is 1 where all are decided."""
    targets, all_of_them = np.eye(3)[[0, 1, 2, 1]], np.ones((4, 3), dtype=bool)
    assert BalancedAccuracy()(targets, all_of_them, targets, np.ones((1, 4)))[0] == 1
    assert balanced_accuracy(targets, all_of_them, np.ones((1, 4)), exclusive=False)[0] == 0.5


def properties(packed):
    """Told of each picture: how bright it is, which gives the class away."""
    bright = packed.images.mean(axis=(1, 2, 3), dtype=np.float64)
    return PackedDataset(packed.images, packed.index.assign(prop_brightness=bright), packed.card)


def test_a_model_that_sees_brightness_adds_nothing_to_the_properties(packed):
    told = properties(packed)
    predictions = predict_splits(Predictor(brightness), told, PLAIN)
    test = predictions[predictions["split"] == "test"].reset_index(drop=True)

    def margin(test):
        of_test = Predictions.of(test, told.classes)
        return baseline_margin(test, of_test, TASK, told, Options(**OPTIONS))["baseline_margin"]

    entry = margin(test)
    assert (entry.value, entry.n, entry.low) == (0.0, 4, None)
    assert margin(test.assign(decided=[["a"]] * 4)).value == -0.5


def embedded(packed, project):
    """The manifest, the split and the features of all pictures, as the stages before would have left them."""
    told = properties(packed).index
    artifacts.write_table(artifacts.MANIFEST, told[["sample_id", "labels", "group", "prop_brightness"]])
    groups = [f"component {name}" for name in told["group"]]
    artifacts.write_table(artifacts.SPLITS, told[["sample_id", "split"]].assign(group=groups))
    noise = np.random.default_rng(0).normal(size=(len(told), 8))
    truth = np.array([one == ["b"] for one in told["labels"]])
    return noise + 6.0 * (truth[:, None] - 0.5)


def test_figures_over_all_groups(packed, project, monkeypatch):
    features = embedded(packed, project)
    wrong = artifacts.read_table(artifacts.MANIFEST)
    wrong["labels"] = [
        wrong["labels"][1],
        *wrong["labels"][1:],
    ]  # one label that its features contradict: 19 of 20 right
    artifacts.write_table(artifacts.MANIFEST, wrong)
    stored = SimpleNamespace(of=lambda names: features[[int(name[1:]) for name in names]])
    monkeypatch.setattr(split_evaluation, "Embeddings", SimpleNamespace(load=lambda: stored))
    metrics = {"accuracy": Accuracy(), "auroc": Ranking(number="auroc", averaging="macro")}
    found = cross_validated_figures(metrics, TASK, ["a", "b"], Options(**OPTIONS))
    # scores of several folds do not compare, so that the ranking is left out
    at = [f"cross/at_{percent}_percent" for percent in (10, 20, 40, 80)]
    assert list(found) == [
        *("cross/accuracy", "cross/baseline_margin", "cross/properties_accuracy"),
        *(*at, "cross/gain_of_doubling", "cross/at_160_percent"),
    ]
    assert found["cross/at_80_percent"].n == 16  # of 20, in five folds
    figure = found["cross/accuracy"]
    assert (figure.value, figure.n, figure.groups) == (0.95, 20, 10)
    assert 0.5 < figure.low < figure.value < figure.high <= 1
    assert found["cross/baseline_margin"].groups == 9  # that hold class a; all ten hold b


def test_figures_over_all_groups_are_of_pictures_of_the_source_alone(packed, project, monkeypatch):
    """One of feedback, under a label that its features contradict, would make the accuracy 20 of 21."""
    features = embedded(packed, project)
    name = f"feedback:{'0' * 64}.png"
    manifest, splits = artifacts.read_table(artifacts.MANIFEST), artifacts.read_table(artifacts.SPLITS)
    other = next(labels for labels in manifest["labels"] if list(labels) != list(manifest["labels"][0]))
    added = manifest.iloc[[0]].assign(sample_id=name, labels=[list(other)])
    artifacts.write_table(artifacts.MANIFEST, pd.concat([manifest, added], ignore_index=True))
    part = pd.DataFrame({"sample_id": [name], "split": "train", "group": "component of its own"})
    artifacts.write_table(artifacts.SPLITS, pd.concat([splits, part], ignore_index=True))
    stored = SimpleNamespace(of=lambda names: features[[0 if one == name else int(one[1:]) for one in names]])
    monkeypatch.setattr(split_evaluation, "Embeddings", SimpleNamespace(load=lambda: stored))
    figure = cross_validated_figures({"accuracy": Accuracy()}, TASK, ["a", "b"], Options(**OPTIONS))["cross/accuracy"]
    assert (figure.value, figure.n, figure.groups) == (1.0, 20, 10)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"num_resamples": 99}, r"^num_resamples must be at least 100, got 99$"),
        ({"min_slice": 0}, r"^min_slice must be at least 1, got 0$"),
        ({"cross_validation": "sometimes"}, r"^cross_validation must be 'auto', 'always' or 'never', got 'sometimes'$"),
        ({"num_mistakes": -1}, r"^num_mistakes must be at least 0, got -1$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(Options, **{**OPTIONS, **choices})
