"""The stage that fits a policy: it reads val alone, writes the same bytes again, and never trains."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from trained_model import CLASSES, make_pictures, make_predictor, save_predictor

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.datasets.packed import PackedDataset
from pipeline.stages import calibrate
from pipeline.training.recipe import SECTIONS

ROOT = Path(__file__).parents[2]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
POLICY = {"calibration": "temperature", "min_samples": 50, "coverage": 0.8, "sets": "overall"}
POLICY |= {"grouping": "hierarchical", "abstain": "never", "min_confidence": 0.5}
AIM = {"_target_": "pipeline.evaluation.aims.as_trained.AsTrained"}


def write_params(project, **changes):
    (project / "params.yaml").write_text(yaml.safe_dump({"policy": {**POLICY, **changes}, "aim": AIM}))


@pytest.fixture
def trained(project, monkeypatch):
    """A predictor, and 60 pictures of val and of test; the labels of test are not those of val."""
    save_predictor(make_predictor(), artifacts.PREDICTOR, training_key="key")
    pictures = np.concatenate([make_pictures(60)] * 2)[..., None]
    labels = [[CLASSES[row % 3]] for row in range(60)] + [["ant"]] * 60
    index = pd.DataFrame({"sample_id": [f"s{row}" for row in range(120)], "labels": labels})
    index = index.assign(split=np.repeat(["val", "test"], 60), group=[f"g{row // 2}" for row in range(120)])
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


def test_it_does_not_read_test(project, trained):
    write_params(project)
    calibrate.main()
    first = artifacts.POLICY.read_bytes()
    trained.index.loc[60:, "labels"] = pd.Series([["fly"]] * 60, index=range(60, 120))
    trained.images[60:] = 0
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
    assert readers == {"calibrate"}
    assert not {"policy", "aim"} & {*SECTIONS}
    assert "data/policy.json" not in STAGES["train"]["deps"]
    for name in ("evaluate", "register"):
        assert "data/policy.json" in STAGES[name]["deps"]
    assert not [dep for dep in STAGES["calibrate"]["deps"] if "splits" in dep or "predictions" in dep]
