"""The stage writes what it found, and ends at once where nothing is to be explained."""

import json

import numpy as np
import pytest
import yaml
from content_examples import chosen

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.explanation_results import read_explanation_figures, read_explanations
from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.stages import explain
from pipeline.training import model_card
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.network import Classifier, NetworkPredictor


def write(*overrides):
    params = chosen("source=folder", "source.path=x", "source.name=pets", *overrides)
    params["explain"] |= {"per_kind": 2, "num_examples": 1, "num_resamples": 100, "num_randomised": 1}
    artifacts.write_text(explain.config.PARAMS, yaml.safe_dump(params))


@pytest.fixture
def trained(project, monkeypatch):
    """Packed pictures of two classes, a small network, and its policy."""
    import pandas as pd
    import torch

    generator = np.random.default_rng(0)
    index = pd.DataFrame(
        {
            "sample_id": [f"{row}.png" for row in range(12)],
            "split": ["test"] * 8 + ["train"] * 4,
            "labels": [["a"], ["b"]] * 6,
            "group": [f"group {row}" for row in range(12)],
        }
    )
    images = generator.integers(0, 256, (12, 16, 16, 1), dtype=np.uint8)
    packed = PackedDataset(images, index, {"classes": ["a", "b"]})
    transform = {"_target_": f"{Normalise.__module__}.Normalise", "image_size": 16, "mean": [0.5] * 3, "std": [0.5] * 3}
    task = SingleLabel(label_smoothing=0.0)
    torch.manual_seed(0)
    built = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
    predictor = NetworkPredictor(Classifier(Small(4), 2, 0.0), task, built, ["identity"], "fp32")
    monkeypatch.setattr(PackedDataset, "load", classmethod(lambda cls: packed))
    card = {"classes": ["a", "b"], "training_key": "key", "transform": transform}
    monkeypatch.setattr(model_card, "load_predictor", lambda folder: (predictor, card))
    policy = {
        "version": 1,
        "training_key": "key",
        "exclusive": True,
        "temperatures": [1, 1],
        "rule": {"thresholds": None, "costs": None, "note": ""},
        "abstention": "never",
        "min_confidence": 0.5,
        "coverage": 0.9,
        "set_thresholds": None,
        "notes": [],
        "num_samples": 4,
        "num_groups": 4,
    }
    artifacts.write_json(artifacts.POLICY, policy)


def test_what_was_found_is_written_and_read_again(trained):
    write("attribution=grad_cam")
    (line,) = explain.main()
    assert "on test are explained by Grad-CAM; " in line
    found = read_explanations()
    assert {one.sample_id for one in found.examples} <= {f"{row}.png" for row in range(8)}
    assert found.to_json() == json.loads(artifacts.EXPLANATIONS.read_text())
    assert read_explanation_figures() == dict(found.figures)
    before = [path.read_bytes() for path in (artifacts.EXPLANATIONS, artifacts.EXPLANATION_MAPS)]
    explain.main()
    assert [path.read_bytes() for path in (artifacts.EXPLANATIONS, artifacts.EXPLANATION_MAPS)] == before


def test_switched_off_no_model_is_loaded(project):
    write("attribution=none")
    assert explain.main() == ["Nothing was explained: attribution=none"]
    assert read_explanations().examples == []


def test_results_that_are_no_results_are_refused(trained):
    write("attribution=grad_cam")
    explain.main()
    content = json.loads(artifacts.EXPLANATIONS.read_text())
    broken = r"explanations.json: not the results of explain \({}.*\); remove it and run dvc repro$"
    for change, problem in (
        ({"state": "fine"}, "state must be one of depend, "),
        ({"examples": []}, r"\d pictures and \d maps, expected 0"),
        ({"examples": [{**one, "kind": "odd"} for one in content["examples"]]}, "kind must be one of wrong, "),
        ({"figures": {"x": 1}}, "an estimate must be a mapping"),
    ):
        artifacts.write_json(artifacts.EXPLANATIONS, {**content, **change})
        with pytest.raises(UserError, match=broken.format(problem)):
            read_explanations()
    with pytest.raises(UserError, match=broken.format("an estimate must be a mapping")):
        read_explanation_figures()
    artifacts.write_json(artifacts.EXPLANATIONS, content)
    artifacts.EXPLANATION_MAPS.write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(UserError, match=broken.format("")):
        read_explanations()
    artifacts.EXPLANATION_MAPS.unlink()
    with pytest.raises(UserError, match=r"explanations.npz does not exist; run dvc repro, which makes it$"):
        read_explanations()
