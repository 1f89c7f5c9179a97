"""Versions, aliases, and a model that MLflow loads and serves without a pickle."""

import io
import json
import os
import subprocess
import sys

import mlflow
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.tracking import registry, runs
from pipeline.tracking.connection import find
from pipeline.tracking.descriptions import describe_decision
from pipeline.tracking.runs import RESULTS

pytestmark = [
    pytest.mark.xdist_group("tracking"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),  # MLflow's own use of pandas
]
CLASSES = ["ant", "bee", "fly"]
NAME = "insects"


@pytest.fixture(autouse=True)
def import_path(monkeypatch):
    """Loading a model puts the code logged with it first; that is taken back after the test."""
    monkeypatch.setattr(sys, "path", sys.path)


@pytest.fixture
def run_id(store, request):
    """A run of this test."""
    key = f"run of {request.node.name}"
    return runs.completed_run(key, key, {"a": 1}, pd.DataFrame(), {})[0]


@pytest.fixture
def version(client, predictor_folder, pictures, encode):
    """The first version of `insects`, registered once per test process; its results key is `first results`."""
    found = registry.find_version(NAME, "first results")
    if found is None:
        run_id, _ = runs.completed_run("insects", "first results", {"a": 1}, pd.DataFrame(), {})
        tags = {"data_hash": "abc"}
        found = registry.create_version(NAME, run_id, "first results", predictor_folder, encode(pictures[0]), tags)
    return found


def light(client, name, run_id):
    """A version without files, where only its entry matters."""
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    return str(client.create_model_version(name, "file:///nowhere", run_id).version)


def test_a_version_is_found_again_by_its_results(client, version):
    assert registry.find_version(NAME, "first results") == version == "1"
    assert registry.find_version(NAME, "other results") is None
    assert registry.find_version("nothing", "first results") is None
    tags = registry.version_tags(NAME, version)
    assert tags == {"data_hash": "abc", RESULTS: "first results"}
    (run,) = find(client, [client.get_experiment_by_name("colibri").experiment_id], runs.KEY, "insects")
    assert client.get_model_version(NAME, version).run_id == run.info.run_id


def test_whether_the_store_has_a_version(client, run_id, tmp_path, monkeypatch):
    kept, deleted = light(client, "asked for", run_id), light(client, "asked for", run_id)
    client.delete_model_version("asked for", deleted)
    assert registry.is_registered("asked for", kept) is True
    assert registry.is_registered("asked for", deleted) is False
    assert registry.is_registered("asked for", "77") is False
    assert registry.is_registered("no such model", kept) is False
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/deleted.db")
    assert registry.is_registered("asked for", kept) is False
    assert list(tmp_path.iterdir()) == []  # asking makes no file
    (tmp_path / "empty.db").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/empty.db")
    assert registry.is_registered("asked for", kept) is False
    (tmp_path / "odd.db").write_bytes(b"something else entirely" * 50)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/odd.db")
    assert registry.is_registered("asked for", kept) is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert registry.is_registered("asked for", kept) is None


def test_the_store_is_asked_through_mlflow_where_it_is_no_file(client, run_id, monkeypatch):
    version = light(client, "asked by name", run_id)
    monkeypatch.setattr(registry, "sqlite_path", lambda uri: None)
    assert registry.is_registered("asked by name", version) is True
    assert registry.is_registered("asked by name", "77") is False


def test_aliases_move(client, run_id):
    first, second = light(client, "aliased", run_id), light(client, "aliased", run_id)
    assert registry.champion("aliased") is registry.peek_champion("aliased") is None
    registry.set_alias("aliased", "champion", first)
    registry.set_alias("aliased", "challenger", first)
    assert registry.champion("aliased") == (first, run_id)
    registry.set_alias("aliased", "champion", second)
    assert registry.champion("aliased") == (second, run_id)
    assert registry.peek_champion("aliased") == second
    assert str(client.get_model_version_by_alias("aliased", "challenger").version) == first


def test_a_model_that_is_not_there_has_no_champion(store):
    assert registry.champion("never registered") is None


def test_the_versions_of_the_data_before(client, run_id):
    assert registry.earlier_data("many data", "new") == []
    for data_hash in ("old", "older", "old", "new", None):
        version = light(client, "many data", run_id)
        if data_hash:
            registry.tag_version("many data", version, {"data_hash": data_hash})
    old = {"data_hash": "old"}
    assert registry.earlier_data("many data", "new") == [("3", run_id, old), ("1", run_id, old)]
    assert [version for version, _, _ in registry.earlier_data("many data", "older")] == ["4"]


@pytest.mark.parametrize("code", ["TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR"])
def test_a_store_that_does_not_answer_is_not_taken_for_one_without_a_champion(store, monkeypatch, code):
    def fail(self, name, alias):
        raise mlflow.MlflowException("database is locked", error_code=getattr(mlflow.protos.databricks_pb2, code))

    monkeypatch.setattr(mlflow.MlflowClient, "get_model_version_by_alias", fail)
    with pytest.raises(UserError, match=r"^MLflow's store .* cannot be used \(database is locked\)"):
        registry.champion(NAME)


def test_tags(client, run_id):
    version = light(client, "tagged", run_id)
    registry.tag_version("tagged", version, {"a": 1, "b": "x" * 4_000})
    assert registry.version_tags("tagged", version) == {"a": "1", "b": "x" * 4_000}


def test_what_was_decided_about_a_version_is_an_artifact_of_its_run(client, run_id, store):
    version = light(client, "decided", run_id)
    assert registry.registration_of("decided", version) is None
    result = {"version": version, "aliases": ["challenger"], "evidence": {"gain": None}}
    registry.record_registration("decided", version, result)
    registry.record_registration("decided", version, result)  # an interrupted attempt, made again
    assert registry.registration_of("decided", version) == result
    assert registry.version_tags("decided", version) == {registry.REGISTRATION_TAG: registry.REGISTRATION}
    (file,) = (store / "mlruns" / run_id).rglob("registration.json")
    file.unlink()
    with pytest.raises(
        UserError,
        match=r"registration\.json, an artifact of run \w+, does not exist; copy mlruns/ .* or delete version 1",
    ):
        registry.registration_of("decided", version)


def test_an_attempt_that_ended_between_artifact_and_tag_is_decided_about_again(client, run_id):
    version = light(client, "half decided", run_id)
    client.log_text(run_id, '{"version": "1", "ali', registry.REGISTRATION)  # killed while it wrote
    assert registry.registration_of("half decided", version) is None


def test_what_was_decided_about_a_version_of_before_is_its_tag(client, run_id):
    version = light(client, "decided before", run_id)
    registry.tag_version("decided before", version, {registry.REGISTRATION_TAG: '{"version": "1"}'})
    assert registry.registration_of("decided before", version) == {"version": "1"}


def test_the_predictions_of_a_run_come_back(project, run_id, client):
    artifacts.write_table(artifacts.PREDICTIONS, pd.DataFrame({"sample_id": ["s0"]}), metadata={"classes": CLASSES})
    client.log_artifact(run_id, str(artifacts.PREDICTIONS), "evaluation")
    found = registry.predictions_of(run_id, project / "theirs")
    assert artifacts.read_metadata(found) == {"classes": CLASSES}
    assert artifacts.read_table(found)["sample_id"].tolist() == ["s0"]


def test_predictions_that_are_gone(project, run_id):
    with pytest.raises(
        UserError, match=r"evaluation/predictions\.parquet, the predictions of run \w+, does not exist; copy mlruns/"
    ):
        registry.predictions_of(run_id, project / "theirs")


def test_errors_name_the_store(store):
    for call in (
        lambda: registry.set_alias("never registered", "champion", "1"),
        lambda: registry.version_tags("never registered", "1"),
        lambda: registry.tag_version("never registered", "1", {"a": 1}),
    ):
        with pytest.raises(UserError, match=r"^MLflow's store sqlite:///.* cannot be used \(.*never registered"):
            call()


def expected(predictor, pictures):
    scores = predictor.predict(pictures[..., None])
    return scores, [CLASSES[one] for one in scores.argmax(axis=1)]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_registered_model_gives_the_predictors_own_scores(client, version, predictor, pictures, encode, kind):
    data = [encode(one, kind) for one in pictures]
    seen = np.stack([np.asarray(Image.open(io.BytesIO(one))) for one in data])  # JPEG changes pixels
    scores, classes = expected(predictor, seen)
    model = mlflow.pyfunc.load_model(f"models:/{NAME}/{version}")
    found = model.predict(pd.DataFrame({"image": data}))
    assert found["class"].tolist() == classes
    assert [list(row) for row in found["scores"]] == [CLASSES] * 3
    np.testing.assert_array_equal([list(row.values()) for row in found["scores"]], scores.astype(np.float64))
    assert len(set(classes)) > 1 or np.ptp(scores, axis=0).max() > 0.05


def test_pictures_of_any_size_and_colour_are_stored_as_in_training(client, version, noise, encode):
    model = mlflow.pyfunc.load_model(f"models:/{NAME}/{version}")
    found = model.predict(pd.DataFrame({"image": [encode(noise(0, 40, 30)), encode(noise(1, 8, 8, 1))]}))
    assert len(found) == 2
    assert all(sum(row.values()) == pytest.approx(1, rel=1e-5) for row in found["scores"])


def test_no_picture_gives_no_row(client, version):
    model = mlflow.pyfunc.load_model(f"models:/{NAME}/{version}")
    found = model.unwrap_python_model().predict(None, pd.DataFrame({"image": []}))
    assert list(found) == ["class", "scores"]
    assert found.empty


def test_the_signature_takes_bytes(client, version):
    signature = mlflow.models.get_model_info(f"models:/{NAME}/{version}").signature
    assert [(column.name, str(column.type)) for column in signature.inputs] == [("image", "DataType.binary")]
    assert [column.name for column in signature.outputs] == [
        *("class", "scores", "abstains", "set", "out_of_distribution", "reason")
    ]


def test_the_model_holds_no_pickle_and_pins_what_it_needs(client, version, tmp_path):
    folder = mlflow.artifacts.download_artifacts(f"models:/{NAME}/{version}", dst_path=str(tmp_path))
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert {"MLmodel", "pyfunc_model.py", "card.json", "weights.safetensors"} <= set(names)
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".pt", ".pth", ".joblib"))]
    pinned = (tmp_path / folder / "requirements.txt").read_text().split()
    assert len(pinned) == len(registry.SERVING_REQUIREMENTS)
    assert all("==" in line and "+" not in line for line in pinned)


@pytest.mark.slow
def test_the_model_works_where_the_project_is_not(client, version, predictor, pictures, encode, tmp_path):
    """In a fresh process and another folder, by the code that was logged with it."""
    script = (
        "import sys, mlflow, pandas as pd\n"
        "model = mlflow.pyfunc.load_model(sys.argv[1])\n"
        "found = model.predict(pd.DataFrame({'image': [open(sys.argv[2], 'rb').read()]}))\n"
        "import pipeline\n"
        "print(pipeline.__file__)\n"
        "print(found['class'][0], *found['scores'][0].values())\n"
    )
    (tmp_path / "picture.png").write_bytes(encode(pictures[1]))
    folder = mlflow.artifacts.download_artifacts(f"models:/{NAME}/{version}", dst_path=str(tmp_path))
    told = subprocess.run(
        [sys.executable, "-c", script, folder, "picture.png"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    code, line = told.stdout.splitlines()[-2:]
    assert code.startswith(str(tmp_path))
    scores, classes = expected(predictor, pictures[1:2])
    assert line.split()[0] == classes[0]
    np.testing.assert_allclose([float(one) for one in line.split()[1:]], scores[0], rtol=1e-5)


def test_the_versions_of_a_model_and_what_a_person_says_of_one(client, run_id):
    assert registry.run_ids("no such model") == {}
    versions = [light(client, "described", run_id) for _ in range(11)]
    assert registry.run_ids("described") == dict.fromkeys(versions, run_id)
    for reason in ("a", "a", "b"):
        describe_decision("described", "2", reason, "1", "by_hand")
    found = client.get_model_version("described", "2")
    assert found.description == "Promoted by hand: a\n\nPromoted by hand: b"
    assert found.tags["reason"] == "b"
    assert found.tags["verdict"] == client.get_run(run_id).data.tags["verdict"] == "champion by hand"
    assert json.loads(found.tags[registry.PROMOTION_TAG]) == {"reason": "b", "champion_before": "1"}
