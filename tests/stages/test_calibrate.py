"""The stage that fits a policy: it reads val alone, writes the same bytes again, and never trains."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from trained_model import CLASSES, make_pictures, make_predictor, save_predictor

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.feature_reference import predict_with_distances, read_reference
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.policy_evaluation import read_policy
from pipeline.stages import calibrate
from pipeline.training.model_card import load_predictor
from pipeline.training.recipe import SECTIONS

ROOT = Path(__file__).parents[2]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
POLICY = {"calibration": "temperature", "min_samples": 50, "coverage": 0.8, "sets": "overall"}
POLICY |= {"grouping": "hierarchical", "abstain": "never", "min_confidence": 0.5}
POLICY |= {"out_of_distribution": "report", "out_of_distribution_share": 0.05, "max_reference": 50}
AIM = {"_target_": "pipeline.evaluation.aims.as_trained.AsTrained"}
NEIGHBOURS = {"_target_": "pipeline.training.distances.nearest_neighbours.NearestNeighbours", "k": 3}


def write_params(project, **changes):
    params = {"policy": {**POLICY, **changes}, "aim": AIM, "feature_distance": NEIGHBOURS}
    (project / "params.yaml").write_text(yaml.safe_dump(params))


@pytest.fixture
def trained(project, monkeypatch):
    """A predictor, and 60 pictures of val, test and train each; the labels of test are not those of val."""
    save_predictor(make_predictor(), artifacts.PREDICTOR, training_key="key")
    pictures = np.concatenate([make_pictures(60)] * 3)[..., None]
    labels = [[CLASSES[row % 3]] for row in range(60)] + [["ant"]] * 60 + [["bee"], ["fly"]] * 30
    index = pd.DataFrame({"sample_id": [f"s{row}" for row in range(180)], "labels": labels})
    index = index.assign(split=np.repeat(["val", "test", "train"], 60), group=[f"g{row // 2}" for row in range(180)])
    packed = PackedDataset(pictures, index, {"classes": CLASSES})
    monkeypatch.setattr(calibrate.PackedDataset, "load", lambda: packed)
    return packed


def test_a_policy_is_written(project, trained):
    write_params(project)
    (line,) = calibrate.main()
    found = artifacts.read_json(artifacts.POLICY)
    assert (found["num_samples"], found["num_groups"], found["training_key"]) == (60, 30, "key")
    assert len(set(found["temperatures"])) == 1
    assert found["temperatures"][0] > 1  # its labels are random, and its scores are sure
    assert line.endswith(", decisions as trained, prediction sets for 80 %, from 60 val pictures")
    first = artifacts.POLICY.read_bytes()
    calibrate.main()
    assert artifacts.POLICY.read_bytes() == first


def test_what_is_far_from_train(project, trained):
    """Val and train hold the same pictures, and the fifth part of val that is farthest is flagged."""
    write_params(project, out_of_distribution_share=0.2, grouping="pooled")
    calibrate.main()
    policy = read_policy({"classes": CLASSES, "training_key": "key"})
    reference = read_reference(policy, artifacts.REFERENCE)
    predictor, _ = load_predictor(artifacts.PREDICTOR)
    assert reference.fitted["directions"].shape == (50, predictor.network.head.in_features)  # of 60 pictures
    scores, distances = predict_with_distances(predictor, trained.images[:60], reference)
    found = policy.decide(scores, predictor.task, distances)
    np.testing.assert_array_equal(scores, predictor.predict(trained.images[:60]))
    assert (found.out_of_distribution > 1).sum() == 60 - np.ceil(61 * 0.8)
    assert not found.abstains.any()
    noise = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 1)).astype(np.uint8)
    far = policy.decide(*order(predictor, noise, reference)).out_of_distribution
    assert (far > 1).mean() > 0.9
    trained.images[120:] = 0
    calibrate.main()
    with pytest.raises(UserError, match=r"feature_reference\.safetensors is of another policy than the one"):
        read_reference(policy, artifacts.REFERENCE)


def order(predictor, images, reference):
    scores, distances = predict_with_distances(predictor, images, reference)
    return scores, predictor.task, distances


def test_no_distance_where_none_is_wanted(project, trained):
    write_params(project, out_of_distribution="never")
    (line,) = calibrate.main()
    assert read_policy({"classes": CLASSES, "training_key": "key"}).out_of_distribution is None
    assert line.endswith("from 60 val pictures")
    assert artifacts.REFERENCE.is_file()  # DVC wants each output
    write_params(project, min_samples=61)
    *_, note = calibrate.main()
    assert note == "No picture is flagged as out of distribution: val has 60 samples, fewer than 61."


def test_it_does_not_read_test(project, trained):
    write_params(project)
    calibrate.main()
    first = artifacts.POLICY.read_bytes()
    trained.index.loc[60:119, "labels"] = pd.Series([["fly"]] * 60, index=range(60, 120))
    trained.images[60:120] = 0
    calibrate.main()
    assert artifacts.POLICY.read_bytes() == first


def test_what_could_not_be_fitted_is_said(project, trained):
    write_params(project, coverage=0.99)
    _, note = calibrate.main()
    assert note.startswith("Prediction sets cannot be judged: 99 % needs 99 groups in val, found 30; lower")
    write_params(project, coverage=2)
    with pytest.raises(UserError, match=r"^params\.yaml: policy\.coverage must be above 0 and below 1, got 2$"):
        calibrate.main()


def test_a_change_of_the_policy_trains_nothing_again():
    readers = {name for name, stage in STAGES.items() if {"policy", "aim"} & {*stage.get("params", [])}}
    assert readers == {"calibrate", "validate"}  # which refuses an aim, and whose outputs an aim does not change
    assert "feature_distance" not in SECTIONS
    assert not {"policy", "aim"} & {*SECTIONS}
    assert "data/policy.json" not in STAGES["train"]["deps"]
    for name in ("evaluate", "register"):
        assert {"data/policy.json", "data/feature_reference.safetensors"} <= {*STAGES[name]["deps"]}
    assert not [dep for dep in STAGES["calibrate"]["deps"] if "splits" in dep or "predictions" in dep]
