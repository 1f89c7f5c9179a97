"""The store lies in the project, whatever its path holds and wherever it is moved to."""

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import UserError
from pipeline.tracking import registry, runs
from pipeline.tracking.connection import connect, tracking_uri
from pipeline.tracking.experiments import open_experiment
from pipeline.tracking.relocation import PLACES

pytestmark = [
    pytest.mark.xdist_group("tracking"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),  # MLflow's own use of pandas
]
EVERYTHING = "a b?c=d#e%2Ff&ünï猫"


@pytest.fixture
def move_to(store_folder, tmp_path, monkeypatch):
    """Makes a folder below tmp_path the project's, with a store that was copied there before any run."""
    monkeypatch.setattr(sys, "path", sys.path)  # loading a model puts the code logged with it first
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "x")  # set and unset, so that what connect() sets is taken back

    def use(name):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        if not (folder / "mlflow.db").exists():
            shutil.copy(store_folder / "mlflow.db", folder)
        monkeypatch.setenv("DVC_ROOT", str(folder))
        monkeypatch.delenv("MLFLOW_TRACKING_URI")
        return folder

    return use


def registered(key, predictor_folder, example):
    run_id, _ = runs.completed_run(key, key, {"a": 1}, pd.DataFrame(), {})
    return registry.create_version("places", run_id, key, predictor_folder, example, {})


def check_model(version, predictor, pictures, encode, copy=None):
    model = mlflow.pyfunc.load_model(f"models:/places/{version}", dst_path=copy)
    found = model.predict(pd.DataFrame({"image": [encode(one) for one in pictures]}))
    scores = predictor.predict(pictures[..., None])
    np.testing.assert_array_equal([list(row.values()) for row in found["scores"]], scores.astype(np.float64))


@pytest.mark.parametrize("name", [" ", "?x=1", "#x", "50%", "ünï猫&", "%2F"])
def test_a_model_is_registered_and_loaded_whatever_the_path_holds(
    move_to, name, predictor_folder, predictor, pictures, encode, tmp_path, capsys
):
    folder = move_to(f"a{name} b")
    shutil.copytree(predictor_folder, folder / "predictor")
    before = sorted(tmp_path.rglob("mlflow.db*"))
    version = registered("odd", folder / "predictor", encode(pictures[0]))
    told = "MLflow reads %2F in a path as another character: load models with dst_path=" in capsys.readouterr().err
    assert told == (name == "%2F")  # MLflow unquotes the path of its own copy a second time
    copy = tmp_path / "predictor"  # a name that is passed over below
    copy.mkdir()
    check_model(version, predictor, pictures, encode, str(copy) if told else None)
    assert [one.name for one in tmp_path.iterdir() if one.name != "predictor"] == [folder.name]  # nothing beside it
    assert sorted(tmp_path.rglob("mlflow.db*")) == before
    assert list((folder / "mlruns" / "models").iterdir())


def test_a_new_store_is_made_in_the_project_and_no_folder_beside_it(tmp_path, monkeypatch):
    folder = tmp_path / EVERYTHING
    folder.mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "x")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.setenv("DVC_ROOT", str(folder))
    client, _ = connect()
    run = client.create_run(open_experiment(client, "beetles"))
    client.log_text(run.info.run_id, "hello", "a.txt")
    assert [one.name for one in tmp_path.iterdir()] == [EVERYTHING]
    assert (folder / "mlflow.db").stat().st_size > 0
    assert [path.read_text() for path in folder.rglob("a.txt")] == ["hello"]


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_project_that_was_moved_or_copied_goes_on(
    move_to, how, predictor_folder, predictor, pictures, encode, tmp_path
):
    old = move_to("old place")
    first = registered("before", predictor_folder, encode(pictures[0]))
    client, _ = connect()
    run_id = client.get_model_version("places", first).run_id
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "predictions.parquet").write_bytes(b"theirs")
    client.log_artifact(run_id, str(tmp_path / "p" / "predictions.parquet"), "evaluation")
    (shutil.move if how == "moved" else shutil.copytree)(old, tmp_path / "new place?")
    listed = sorted(old.rglob("*"))
    connect_again = move_to("new place?")
    check_model_after = registered("after", predictor_folder, encode(pictures[0]))
    for version in (first, check_model_after):
        check_model(version, predictor, pictures, encode)
    assert registry.predictions_of(run_id, tmp_path / "theirs").read_bytes() == b"theirs"
    assert sorted(old.rglob("*")) == listed  # nothing was written where it came from
    assert old.exists() == (how == "copied")
    with closing(sqlite3.connect(connect_again / "mlflow.db")) as database:
        for table, column in PLACES:
            told = [row[0] for row in database.execute(f"SELECT {column} FROM {table}") if row[0]]
            assert not [one for one in told if "old%20place" in one or "old place" in one]


def test_artifacts_that_did_not_come_along_are_named_with_what_to_do(move_to, tmp_path):
    move_to("old")
    run_id, _ = runs.completed_run("lost", "lost", {"a": 1}, pd.DataFrame(), {})
    with pytest.raises(UserError, match=r"copy mlruns/ from the former folder of the project"):
        registry.predictions_of(run_id, tmp_path / "theirs")


def test_the_neighbour_of_a_former_place_is_not_rewritten(move_to):
    folder = move_to("alone")
    client, _ = connect()
    experiment = open_experiment(client, None)
    run = client.create_run(experiment)
    beside = (folder.parent / "mlruns2" / "x").as_uri()
    former = Path(client.get_experiment(experiment).artifact_location.removeprefix("file://")).parent
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        database.execute(
            "UPDATE experiments SET artifact_location = ? WHERE name = 'colibri'", ((former / "x/mlruns").as_uri(),)
        )
        database.execute("UPDATE runs SET artifact_uri = ?", ((former / "x/mlruns2/y").as_uri(),))
        database.commit()
    client, _ = connect()
    assert client.get_experiment(experiment).artifact_location == (folder / "mlruns").as_uri()
    assert client.get_run(run.info.run_id).info.artifact_uri == (former / "x/mlruns2/y").as_uri() != beside


def test_a_store_that_the_environment_names_keeps_its_artifacts_where_they_are(move_to, tmp_path, monkeypatch):
    folder = move_to("shared store")
    elsewhere = tmp_path / "elsewhere" / "mlruns"
    elsewhere.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        database.execute("UPDATE experiments SET artifact_location = ?", (elsewhere.as_uri(),))
        database.commit()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri())
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    client, _ = connect()
    experiment = client.get_experiment_by_name("colibri").experiment_id
    assert client.get_experiment(experiment).artifact_location == elsewhere.as_uri()
