"""The folder of a registered version, and that its runtime is used."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from policy_examples import make_policy
from trained_model import CLASSES, make_pictures, make_predictor, save_predictor

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.prediction import onnx_comparison, onnx_export, runtime_record
from pipeline.prediction.classifier import PictureClassifier
from pipeline.prediction.onnx_comparison import Parity
from pipeline.prediction.served_folder import open_served
from pipeline.tracking.pyfunc_model import PyfuncClassifier

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = [
    pytest.mark.xdist_group("onnx"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),  # torch's, when it exports
]
PICTURES = make_pictures(40)[..., None]
ROWS = np.arange(10, 40)


@pytest.fixture
def model(tmp_path):
    return save_predictor(make_predictor(), tmp_path / "model", policy=make_policy(3).to_json())


def test_torch_needs_no_copy(model):
    with open_served(model, "torch", PICTURES, ROWS) as served:
        assert (served.folder, served.record, served.problem) == (model, None, "")
    assert PictureClassifier.load(model).runtime == "torch"


def test_a_version_that_onnx_runtime_computes(model, encode, monkeypatch):
    monkeypatch.setattr(onnx_comparison, "SECONDS", 0.001)
    with open_served(model, "onnx", PICTURES, ROWS) as served:
        record = artifacts.read_json(served.folder / "card.json")["runtime"]
        assert served.problem == ""
        assert (record["name"], record["num_pictures"], record["num_same"]) == ("onnx", 30, 30)
        assert record["largest_difference"] < 1e-5
        assert record["threads"] == torch.get_num_threads()
        assert [one["batch"] for one in record["speeds"]] == [1, 32]
        assert all(one["onnx"] > 0 and one["torch"] > 0 for one in record["speeds"])
        loaded, plain = PictureClassifier.load(served.folder), PictureClassifier.load(model)
        assert (loaded.runtime, plain.runtime) == ("ONNX Runtime", "torch")
        theirs, ours = loaded.classify(list(PICTURES)), plain.classify(list(PICTURES))
        assert theirs.labels == ours.labels
        np.testing.assert_allclose(theirs.scores, ours.scores, atol=1e-5)
        assert (theirs.scores != ours.scores).any()  # so another program computed them

        of_mlflow = PyfuncClassifier()
        of_mlflow.load_context(SimpleNamespace(artifacts={"predictor": str(served.folder)}))
        assert of_mlflow.classifier.runtime == "ONNX Runtime"
        answered = of_mlflow.predict(None, pd.DataFrame({"image": [encode(one[..., 0]) for one in PICTURES[:5]]}))
        assert answered["class"].tolist() == [one for (one,) in ours.labels[:5]]

        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        assert runtime_record.load_recorded(served.folder, loaded.card) is None  # torch has the GPU
    assert not (model / "network.onnx").exists()
    assert "runtime" not in artifacts.read_json(model / "card.json")


def test_a_decision_that_differs_leaves_torch_in_use(model, exported, monkeypatch):
    monkeypatch.setattr(onnx_export, "export_onnx", lambda _, path: path.write_bytes(exported[1].read_bytes()))
    parity = Parity(num_pictures=30, largest_difference=0.0123, num_same=29)
    monkeypatch.setattr(onnx_comparison, "compare_with_torch", lambda *_: parity)
    with open_served(model, "onnx", PICTURES, ROWS) as served:
        assert served.problem == "ONNX Runtime decides otherwise for 1 of 30 pictures"
        card = artifacts.read_json(served.folder / "card.json")
        assert card["runtime"] == {
            "name": "torch",
            "reason": served.problem,
            "num_pictures": 30,
            "num_same": 29,
            "largest_difference": 0.0123,
        }
        assert not (served.folder / "network.onnx").exists()
        assert PictureClassifier.load(served.folder).runtime == "torch"


def test_an_estimator_stays_with_torch(model, monkeypatch):
    monkeypatch.setattr(onnx_export, "is_network", lambda classifier: False)
    with open_served(model, "onnx", PICTURES, ROWS) as served:
        assert served.problem == "only networks are exported to ONNX, and this model is none"
        assert PictureClassifier.load(served.folder).classes == CLASSES


def fail_in_export(_, path):
    raise RuntimeError(f"{path}: no operator\n for sort")


def write_another(_, path):
    path.write_bytes(b"garbage")


@pytest.mark.parametrize(
    ("export", "reason"),
    [
        (fail_in_export, r"RuntimeError: network\.onnx: no operator for sort\)$"),
        (write_another, r"UserError: network\.onnx is no ONNX file \(.*\); restore it\)$"),
    ],
)
def test_a_network_that_cannot_be_exported_ends_no_run(model, monkeypatch, export, reason):
    monkeypatch.setattr(onnx_export, "export_onnx", export)
    with open_served(model, "onnx", PICTURES, ROWS) as served:
        assert re.match(rf"it cannot be exported to ONNX \({reason}", served.problem)
        assert not (served.folder / "network.onnx").exists()
        assert artifacts.read_json(served.folder / "card.json")["runtime"] == {
            "name": "torch",
            "reason": served.problem,
        }
        assert PictureClassifier.load(served.folder).runtime == "torch"


def test_a_full_disk_and_a_missing_package_are_no_reason_for_torch(model, monkeypatch):
    def fill(_, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(onnx_export, "export_onnx", fill)
    with pytest.raises(OSError, match="No space left"), open_served(model, "onnx", PICTURES, ROWS):
        pass
    monkeypatch.setattr(runtime_record, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="the package 'onnx' is missing"), open_served(model, "onnx", PICTURES, ROWS):
        pass
