"""Clusters of frozen features: found without labels, kept as they are on disk and as a module of torch."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file, save_file

from pipeline.core import artifacts
from pipeline.core.axes import to_tensor
from pipeline.core.errors import UserError
from pipeline.models.encoders.pixels import Pixels
from pipeline.training.model_card import CARD, load_predictor
from pipeline.training.risks.mean import Mean
from pipeline.training.tasks.clusters import Clusters
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.clusters import CLUSTERS, ClusterPredictor, FitClusters

CHOICES = {
    "algorithm": "kmeans",
    "scaling": "none",
    "num_components": 8,
    "whiten": False,
    "num_starts": 2,
    "num_repeats": 2,
    "max_clusters": 3,
    "batch_size": 16,
    "seed": 0,
}
ENCODER = {"_target_": "pipeline.models.encoders.pixels.Pixels", "side": 4, "grey": True}

TRANSFORM = {
    "_target_": "pipeline.models.transforms.normalise.Normalise",
    "image_size": 16,
    "mean": [0.5] * 3,
    "std": [0.5] * 3,
}


@pytest.fixture
def samples(stripes):
    def build(num, seed=0):
        names = [f"{seed}-{position}" for position in range(num)]
        return stripes(num, seed, metadata=pd.DataFrame({"group": names}), targets=np.zeros((num, 0), np.float32))

    return build


def fit(train, val, task=Clusters(), **choices):  # noqa: B008 - a frozen value
    rows = []
    trainer = FitClusters(**{**CHOICES, **choices})
    return *trainer.fit(
        Pixels(side=4, grey=True), task, Mean(), train, val, lambda epoch, row: rows.append((epoch, row))
    ), rows


def bright(samples, num, seed=0):
    """The stripes, of which the odd ones are 90 brighter: two clusters, and the labels are not among the targets."""
    made = samples(num, seed)
    made.images[1::2] = np.minimum(made.images[1::2].astype(int) + 90, 255)
    return made


@pytest.fixture
def fitted(samples):
    return fit(bright(samples, 60), bright(samples, 20, 1), num_clusters=2)


@pytest.mark.parametrize("algorithm", ["kmeans", "mixture"])
@pytest.mark.parametrize("scaling", ["none", "unit_length"])
def test_two_kinds_are_two_clusters_and_the_largest_is_first(samples, algorithm, scaling):
    train = bright(samples, 60)
    train.images[1] = train.images[0]  # 31 dark ones
    predictor, history, rows = fit(train, bright(samples, 20, 1), num_clusters=2, algorithm=algorithm, scaling=scaling)
    assert predictor.task == Clusters(names=["cluster 1", "cluster 2"])
    new = bright(samples, 40, 2)
    decided = predictor.task.decide(predictor.predict(new.images)).argmax(axis=1)
    agreement = (decided == np.arange(40) % 2).mean()
    assert agreement == 1 if scaling == "none" else agreement > 0.5
    (row,) = history
    assert row["num_clusters"] == 2
    assert rows[0][1].items() >= row.items()
    assert {"train_loss", "val_loss", "stability"} <= {*row}


def test_the_number_is_chosen_by_stability(samples):
    predictor, (row,), _ = fit(bright(samples, 60), bright(samples, 20, 1))
    assert row["num_clusters"] == len(predictor.task.names) == 2
    assert row["stability"] == 1


def test_it_comes_back_unchanged(fitted, samples, tmp_path):
    predictor, _, _ = fitted
    classes = predictor.task.outcomes(["a", "b"])
    card = {**predictor.save(tmp_path), "encoder": ENCODER, "transform": TRANSFORM, "classes": classes}
    artifacts.write_json(tmp_path / CARD, card)
    loaded, _ = load_predictor(tmp_path)
    images = bright(samples, 30, 3).images
    np.testing.assert_array_equal(loaded.predict(images), predictor.predict(images))
    assert loaded.task == predictor.task
    assert loaded.grouping.curve == predictor.grouping.curve
    assert loaded.grouping.is_stable
    assert loaded.predict(images[:0]).shape == (0, 2)

    (tmp_path / CARD).write_text((tmp_path / CARD).read_text().replace('"cluster 2"', '"cluster 2", "cluster 3"'))
    with pytest.raises(UserError, match=r"clusters\.safetensors has 2 clusters, but its card names 3; run dvc repro"):
        load_predictor(tmp_path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda tensors: tensors.pop("centres"), r"does not fit its card \('centres'\)"),
        (lambda tensors: tensors.update(mean=np.zeros(3)), r"the shapes of the clusters do not fit each other"),
        (lambda tensors: tensors.update(precisions=np.eye(2)[None]), r"the shapes of the clusters do not fit"),
        (lambda tensors: tensors.update(mean=tensors["mean"] * np.nan), r"a number of the clusters is not finite"),
        (
            lambda tensors: tensors.update(mean=np.zeros(9), projection=np.zeros((9, tensors["projection"].shape[1]))),
            r"is of 9 features, but the encoder of its card gives 16; run dvc repro train",
        ),
    ],
)
def test_a_damaged_file_is_one_line(fitted, tmp_path, damage, message):
    predictor, _, _ = fitted
    card = {**predictor.save(tmp_path), "encoder": ENCODER, "classes": ["cluster 1", "cluster 2"]}
    card["transform"] = TRANSFORM
    tensors = load_file(tmp_path / CLUSTERS)
    damage(tensors)
    save_file(tensors, tmp_path / CLUSTERS)
    with pytest.raises(UserError, match=message):
        ClusterPredictor.load(tmp_path, card)
    (tmp_path / CLUSTERS).write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"clusters\.safetensors does not fit its card .*; run dvc repro train"):
        ClusterPredictor.load(tmp_path, card)


@pytest.mark.parametrize("scaling", ["none", "unit_length"])
@pytest.mark.parametrize("covariance", ["full", "tied", "diag"])
def test_the_module_gives_the_same_scores(samples, scaling, covariance):
    choices = {"algorithm": "mixture", "covariance": covariance, "scaling": scaling, "num_clusters": 2}
    predictor, _, _ = fit(bright(samples, 60), bright(samples, 20, 1), **choices)
    new = bright(samples, 24, 2)
    inputs = new.transform(to_tensor(new.images))
    densities = predictor.to_module()(inputs)
    scores = predictor.task.probabilities(densities).numpy()
    np.testing.assert_allclose(scores, predictor.predict(new.images), atol=1e-3)
    other = predictor.randomise(inputs, 0)(inputs)  # of features in another order
    assert (other - densities).abs().max() > 0.5


def test_features_of_chosen_rows(fitted, samples):
    predictor, _, _ = fitted
    images = bright(samples, 10).images
    rows = np.array([7, 2])
    found = predictor.extract(images, rows)
    np.testing.assert_allclose(found, predictor.predict_with_features(images[rows])[1], atol=1e-6)


def test_what_cannot_be_grouped_is_refused(samples):
    with pytest.raises(UserError, match=r"train has 4 pictures, fewer than 9 clusters; set a smaller clusters\.num_cl"):
        fit(samples(4), samples(2, 1), num_clusters=9)
    with pytest.raises(UserError, match=r"train has no picture, so there is nothing to group"):
        fit(samples(0), samples(2, 1), num_clusters=2)
    with pytest.raises(UserError, match=r"find clusters, and look at no label; set task=clusters"):
        fit(samples(20), samples(5, 1), SingleLabel(label_smoothing=0))
    with pytest.raises(ValueError, match=r"num_repeats must be at least 2, or 0 where num_clusters is given, got 0"):
        FitClusters(**{**CHOICES, "num_repeats": 0})


def test_a_task_without_labels_has_targets_without_columns_and_no_loss():
    task = Clusters()
    assert task.targets([["a"], []], ["a", "b"]).shape == (2, 0)
    with pytest.raises(UserError, match=r"task clusters has no clusters yet; run dvc repro train"):
        task.outcomes(["a"])
    with pytest.raises(UserError, match=r"no loss is defined; set train=kmeans or train=mixture"):
        task.loss(torch.zeros(1, 2), torch.zeros(1, 0))
    with pytest.raises(UserError, match=r"no loss is defined"):
        task.log_loss(np.zeros((1, 0)), np.zeros((1, 2)))
