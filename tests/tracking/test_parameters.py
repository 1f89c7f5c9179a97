"""What runs are compared by, what differs from the data set's defaults, and names that say so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.core import config
from pipeline.datasets.packed import PackedDataset
from pipeline.tracking import parameters
from pipeline.tracking.parameters import (
    UNLOGGED,
    changes,
    choices,
    data_facts,
    encoder_name,
    flatten,
    headline_parameters,
    learner_name,
    option_name,
)
from pipeline.tracking.run_names import describe, run_name, trial_name
from pipeline.training.recipe import SECTIONS

ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef"


@pytest.fixture(scope="module")
def elpv():
    """All parameters as conf/ composes them for ELPV."""
    return yaml.safe_load(config.compose(ROOT / "conf", ["source=elpv"]))


@pytest.fixture(autouse=True)
def conf(monkeypatch, elpv):
    """conf/, composed once."""
    monkeypatch.setattr(config, "CONF", ROOT / "conf")
    monkeypatch.setattr(config, "compose", lambda overrides: yaml.safe_dump(elpv))


def test_flatten():
    nested = {"a": {"b": 1, "c": {"d": [1, 2]}}, "e": None, "f": {}, 3: True}
    assert dict(flatten(nested)) == {"a.b": "1", "a.c.d": "[1, 2]", "e": "None", "f": "{}", "3": "True"}


def test_about_twenty_parameters_say_how_a_run_was_made(elpv):
    found = headline_parameters(elpv, {"samples": 2624, "classes": 2})
    assert 15 <= len(found) <= 25
    assert not [name for name in found if "_target_" in name or "." in name]
    expected = {"dataset": "elpv", "samples": "2624", "classes": "2", "task": "single_label", "encoder": "lite0"}
    expected |= {"learner": "fine-tuned", "overrides": "none", "imbalance": "none", "seed": "0"}
    assert expected.items() <= found.items()
    train = {name: str(elpv["train"][name]) for name in ("epochs", "batch_size", "learning_rate")}
    assert train.items() <= found.items()


def test_what_differs_from_the_defaults_of_the_data_set(elpv):
    train = {**elpv["train"], "learning_rate": 0.5, "precision": "fp32"}
    params = {**elpv, "train": train, "imbalance": "focal", "augmentation": {"shift": elpv["augmentation"]["shift"]}}
    params["mix"] = {"_target_": "pipeline.training.mixes.mixup.MixUp", "alpha": 0.2}
    found = {"imbalance": "focal", "mix": "mixup", "train.learning_rate": "0.5", "train.precision": "fp32"}
    assert changes(params) == {**found, "augmentation": "shift"}
    overrides = headline_parameters(params, {})["overrides"].split()
    assert sorted(overrides) == sorted(f"{key}={text}" for key, text in changes(params).items())
    name = run_name(params, KEY).split(" · ")
    epochs = f"{elpv['train']['epochs']} epochs"
    assert name[:3] == ["elpv", "lite0 fine-tuned", epochs]
    assert name[3] == "imbalance focal, mix mixup, learning_rate 0.5 and 2 more"


def test_a_pretraining_is_named_and_nothing_is_said_of_none(elpv):
    assert not {"objective", "views", "pretrain_epochs", "pool"} & headline_parameters(elpv, {}).keys()
    assert not [key for key in choices(elpv) if key.split(".")[0] in ("objective", "views", "pretrain")]
    others = {**elpv, "views": {}, "pretrain": {**elpv["pretrain"], "epochs": 77}}
    assert changes(others) == {}  # nothing would read them
    simclr = {"_target_": "pipeline.training.objectives.simclr.SimClr", "temperature": 0.5, "positives": "view"}
    params = {**others, "objective": simclr, "views": {"crop": {"_target_": "a.b"}, "mirror": None}}
    found = headline_parameters(params, {"pool": 500})
    assert {"objective": "simclr", "views": "crop", "pretrain_epochs": "77", "pool": "500"}.items() <= found.items()
    assert changes(params) == {"objective": "simclr", "views": "crop", "pretrain.epochs": "77"}
    assert choices(params)["pretrain.epochs"] == "77"


def test_the_pool_is_counted_apart_from_the_samples():
    index = pd.DataFrame({"split": ["train", "train", "val", "pool", "pool"], "sample_id": list("abcde")})
    index["origin"] = ["a", "a", "c", "d", "e"]  # b is an extra copy
    packed = PackedDataset(np.zeros(0), index, {"classes": ["x"]})
    assert data_facts(packed, {"num_samples": {"pool": 2}}) == {"samples": 2, "classes": 1, "pool": 2}
    assert data_facts(packed, {"num_samples": {"pool": 0}}) == {"samples": 2, "classes": 1}  # positives are classes
    assert data_facts(replace(packed, index=index.head(3)), None) == {"samples": 2, "classes": 1}


def test_an_image_size_is_one_change(elpv):
    transform = {**elpv["transform"], "image_size": 77}
    params = {**elpv, "image_size": 77, "augment": {**elpv["augment"], "image_size": 77}, "transform": transform}
    assert changes(params) == {"image_size": "77"}


def test_the_name_of_a_run_as_the_defaults_have_it(elpv):
    name = f"elpv · lite0 fine-tuned · {elpv['train']['epochs']} epochs"
    assert run_name(elpv, "0123456789abcdef") == f"{name} · 012345"
    assert run_name(elpv, "fedcba9876543210") == f"{name} · fedcba"  # the same choices on other labels


def test_other_learners(elpv):
    svm = {"_target_": "pipeline.training.trainers.estimator.FitEstimator", "seed": 0, "batch_size": 64}
    svm["estimator"] = {"_target_": "sklearn.svm.SVC", "C": 10.0, "n_jobs": -1}
    params = {**elpv, "encoder": {"_target_": "pipeline.models.encoders.hog.Hog"}, "train": svm}
    assert run_name(params, KEY).split(" · ")[:2] == ["elpv", "SVC on hog"]
    found = headline_parameters(params, {})
    assert (found["learner"], found["encoder"], found["C"]) == ("SVC", "hog", "10.0")
    assert not {"epochs", "n_jobs"} & found.keys()


@pytest.mark.parametrize("learner", ["logistic", "svm", "knn", "forest"])
def test_an_exchanged_option_is_named_as_its_file(elpv, learner):
    """All of them are built by one class."""
    option = yaml.safe_load((ROOT / f"conf/train/{learner}.yaml").read_text(encoding="utf-8"))
    assert changes({**elpv, "train": option}) == {"train": learner}


def test_without_conf_nothing_is_said_of_defaults(elpv, monkeypatch):
    def fail(overrides):
        raise config.UserError("conf/: a file is gone")

    monkeypatch.setattr(config, "compose", fail)
    assert changes({**elpv, "imbalance": "focal"}) == {}
    assert "overrides" not in headline_parameters(elpv, {})
    assert run_name({"train": {"epochs": 1}}, KEY) is None


@pytest.mark.parametrize(
    ("node", "name"),
    [
        ({"_target_": "sklearn.linear_model.LogisticRegression"}, "logistic regression"),
        ({"_target_": "sklearn.neighbors.KNeighborsClassifier"}, "k neighbors"),
        ({"_target_": "sklearn.ensemble.RandomForestClassifier"}, "random forest"),
        (None, "property forest"),
    ],
)
def test_names_of_learners(node, name):
    train = {"_target_": "pipeline.training.trainers.property_forest.FitPropertyForest", "estimator": node}
    assert learner_name(train) == name


def test_names_of_encoders_and_options():
    assert encoder_name({"architecture": "tf_efficientnet_lite0"}) == "lite0"
    assert encoder_name({"architecture": "tf_efficientnet_b3"}) == "efficientnet_b3"
    assert encoder_name({"architecture": "resnet18"}) == "resnet18"
    assert option_name({"candidates": {"none": {}, "focal": {}}}) == "best of none, focal"
    assert option_name("focal") == "focal"
    assert option_name({"a": 1}) == ""


def test_names_of_trials():
    assert trial_name("start", {}) == "trial start"
    values = {"train.learning_rate": 0.00123456, "encoder": "resnet18", "train.dropout": 0.25, "train.seed": 1}
    assert trial_name(3, values) == "trial 3 · learning_rate 0.001235, encoder resnet18, dropout 0.25 and 1 more"
    assert describe({}) == ""


def test_choices_that_only_measure_and_evaluate_make_no_difference():
    params = {"train": {"epochs": 2}, "check": {"shortcut": {"limit": 1}}, "gate": {"min_gain": 0}, "curated": 1}
    assert choices(params) == {"train.epochs": "2", "curated": "1"}
    sections = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert set(UNLOGGED) <= set(sections)  # no name of what is gone
    assert set(sections) - set(UNLOGGED) >= {*SECTIONS, "source", "ingest", "split", "augment"}
    assert set(parameters.COMPARED) <= set(sections)
