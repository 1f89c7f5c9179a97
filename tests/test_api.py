"""What notebooks import."""

import hashlib
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
import yaml
from trained_model import CLASSES, make_pictures, make_predictor, save_predictor

import pipeline
from pipeline import api, load_champion, load_model, read_findings, read_metrics, read_picture, read_predictions
from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate, write_estimates

FINDING = {"value": 2.0, "limit": 1.0, "unit": "things", "worst": {}, "passed": False, "sentence": "Two things."}


@pytest.fixture
def finished(project, tmp_path, monkeypatch):
    """A project with results and a trained model, but without MLflow's store; the current folder is another one."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/none.db")
    (project / "params.yaml").write_text(yaml.safe_dump({"register": {"model_name": "colibri-a"}}))
    save_predictor(make_predictor(), project / "data/predictor")
    write_estimates(
        artifacts.METRICS, {"accuracy": Estimate(value=0.75, low=None, high=None, n=4, groups=4, caveat="")}
    )
    test = {"accuracy": Estimate(value=0.5, low=0.25, high=0.75, n=2, groups=2, caveat="few")}
    write_estimates(artifacts.TEST_METRICS, test)
    artifacts.write_json(artifacts.CHECKS, {"leak": FINDING, "rare": {**FINDING, "passed": True, "value": None}})
    rows = {
        "sample_id": ["a/1.png", "b/2.png"],
        "split": ["val", "test"],
        "labels": [["ant"], ["bee"]],
        "scores": [np.float32([0.5, 0.25, 0.25])] * 2,
        "decided": [["ant"], ["ant"]],
    }
    artifacts.write_table(artifacts.PREDICTIONS, pd.DataFrame(rows), metadata={"classes": CLASSES})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return project


def test_importing_the_package_loads_nothing():
    code = "import sys, pipeline; print(sorted({'pandas', 'numpy', 'torch', 'pipeline.api'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_name_is_there():
    assert {name: getattr(pipeline, name) for name in pipeline.__all__} == {
        n: getattr(api, n) for n in pipeline.__all__
    }
    with pytest.raises(AttributeError, match=r"^module 'pipeline' has no attribute 'load_campion'$"):
        _ = pipeline.load_campion


def test_the_champion_predicts_a_folder(finished, encode, tmp_path):
    model = load_champion(finished)
    assert (model.name, model.classes) == (
        "data/predictor, the last trained model (nothing is registered yet)",
        CLASSES,
    )
    (tmp_path / "elsewhere/new").mkdir()
    (tmp_path / "elsewhere/new/1.png").write_bytes(encode(make_pictures(1)[0]))
    (tmp_path / "elsewhere/new/2.png").write_text("hello")
    found = model.predict("new", tmp_path / "elsewhere/new/1.png")
    assert found["file"].tolist() == ["new/1.png", "new/2.png", str(tmp_path / "elsewhere/new/1.png")]
    assert found["reason"].tolist() == ["", "not_a_picture: starts with b'hello'", ""]
    scores = make_predictor().predict(make_pictures(1)[..., None])[0]
    np.testing.assert_allclose(found.filter(like="score_").iloc[0].astype(float), scores, rtol=1e-5)
    assert found["class"][0] == CLASSES[scores.argmax()]


def test_an_archive_is_predicted(finished, encode):
    with zipfile.ZipFile("scans.zip", "w") as archive:
        archive.writestr("1.png", encode(make_pictures(1)[0]))
        archive.writestr("2.png", b"hello")
    found = load_champion(finished).predict("scans.zip")
    assert found["file"].tolist() == ["scans.zip/1.png", "scans.zip/2.png"]
    assert found["reason"].tolist() == ["", "not_a_picture: starts with b'hello'"]


def test_a_model_by_its_folder(finished):
    assert load_model(finished / "data/predictor").classes == CLASSES  # needs no project
    assert load_model("data/predictor", project=finished).name == "data/predictor"


def test_metrics(finished):
    found = read_metrics(project=finished)
    assert found.loc["accuracy"].tolist() == [0.5, 0.25, 0.75, 2, 2, "few"]
    assert read_metrics("val", finished)["low"].isna().tolist() == [True]


def test_findings(finished):
    found = read_findings(finished)
    assert found["state"].to_dict() == {"leak": "failed", "rare": "passed"}
    assert found.loc["leak", ["value", "limit", "sentence"]].tolist() == [2.0, 1.0, "Two things."]
    assert np.isnan(found.loc["rare", "value"])


def test_predictions(finished):
    assert read_predictions(project=finished)[["file", "true", "class", "right"]].to_dict("records") == [
        {"file": "b/2.png", "true": "bee", "class": "ant", "right": False}
    ]
    assert read_predictions("both", finished)["split"].tolist() == ["val", "test"]


@pytest.mark.parametrize("read", [load_champion, read_metrics, read_findings, read_predictions])
def test_outside_a_project(read, tmp_path):
    with pytest.raises(UserError, match=r"is no folder of a Colibri project \(it has no params.yaml\); start the note"):
        read(project=tmp_path)
    with pytest.raises(UserError, match=r"is no folder; name the project's folder, where dvc.yaml is$"):
        read(project=tmp_path / "none")


def test_wrong_splits(finished):
    with pytest.raises(UserError, match=r"^split must be val or test, got 'train'$"):
        read_metrics("train")
    with pytest.raises(UserError, match=r"^split must be val, test or both, got 'train'$"):
        read_predictions("train")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture(finished, channels):
    images = np.arange(2 * 4 * 4 * channels, dtype=np.uint8).reshape(2, 4, 4, channels)
    folder = finished / "data/packed"
    folder.mkdir()
    np.save(folder / "images.npy", images)
    artifacts.write_table(folder / "index.parquet", pd.DataFrame({"sample_id": ["a", "b"]}))
    artifacts.write_json(folder / "card.json", {"classes": CLASSES})
    np.testing.assert_array_equal(read_picture("b", finished), images[1].squeeze())
    with pytest.raises(UserError, match=r"^'c' is no picture of the last run; take a name of read_predictions"):
        read_picture("c", finished)


def test_answers_and_feedback_of_a_server(finished, tmp_path):
    from pipeline.serving.answer_store import ANSWERS, FEEDBACK, PICTURES, AnswerStore

    with pytest.raises(UserError, match=r"answers\.db does not exist: no server has stored an answer there"):
        api.read_answers(project=finished)
    address = f"sqlite:///{tmp_path / 'answers.db'}"
    store = AnswerStore(address)
    digest = hashlib.sha256(b"GIF8").hexdigest()
    about = {"model": "m", "version": "1", "digest": digest, "content_hash": "", "reason": "", "properties": {}}
    row = {"id": "a", "time": "2026-11-01T12:00:00+00:00", "call": "predict", **about}
    row |= {"labels": ["ant"], "scores": {"ant": 0.75, "bee": 0.25}, "abstains": False}
    said = {"id": "f", "time": row["time"], "answer_id": "a", "action": "correct", "labels": ["bee"], "who": "Ada"}
    rows = [(ANSWERS, row), (PICTURES, {"answer_id": "a", "data": b"GIF8"}), (FEEDBACK, {**said, "note": ""})]
    store.append(rows).result(10)
    store.close()
    assert api.read_answers(address, finished)[["class", "confidence"]].values.tolist() == [["ant", 0.75]]
    assert api.read_feedback(address, finished)[["right", "is_right"]].values.tolist() == [[["bee"], False]]
    assert api.export_feedback(tmp_path / "out", address, finished).pictures == 1
    assert (tmp_path / f"out/pictures/{digest}.gif").read_bytes() == b"GIF8"
