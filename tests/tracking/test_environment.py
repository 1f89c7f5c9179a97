"""MLflow's variables of somebody else's shell change no run of theirs and move none of ours."""

import sqlite3
from contextlib import closing

import mlflow
import pandas as pd
import pytest

from pipeline.core import artifacts
from pipeline.tracking import parent_runs, registry, runs
from pipeline.tracking.connection import COMMON, connect, find

pytestmark = [
    pytest.mark.xdist_group("tracking"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),  # MLflow's own use of pandas
]
TABLES = {  # what a store knows of a run, by the column that names it
    "runs": "run_uuid",
    "params": "run_uuid",
    "tags": "run_uuid",
    "metrics": "run_uuid",
    "latest_metrics": "run_uuid",
    "inputs": "destination_id",
    "logged_models": "source_run_id",
    "model_versions": "run_id",
}


def known(store, run_id):
    """Every row of the store that belongs to a run, as it is."""
    with closing(sqlite3.connect(store / "mlflow.db")) as database:
        return {
            table: sorted(map(repr, database.execute(f"SELECT * FROM {table} WHERE {column} = ?", (run_id,))))
            for table, column in TABLES.items()
        }


@pytest.fixture
def theirs(store, client, monkeypatch):
    """A finished run of somebody in an experiment of theirs, which the environment names in every way there is."""
    experiment = client.get_experiment_by_name("somebody's")
    experiment_id = experiment.experiment_id if experiment else client.create_experiment("somebody's")
    run_id = client.create_run(experiment_id, run_name="theirs").info.run_id
    client.log_metric(run_id, "train/loss", 1.0)
    client.set_terminated(run_id)
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "somebody's")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_RUN_CONTEXT", '{"from": "the environment"}')
    monkeypatch.setenv("MLFLOW_ACTIVE_MODEL_ID", "m-0")
    return run_id


def test_a_training_and_its_registration_make_a_run_of_their_own(
    theirs, store, client, project, predictor_folder, pictures, encode
):
    before = known(store, theirs)
    with runs.training_run("own", {"train": {"epochs": 1}}) as log:
        log(1, {"epoch": 1, "train_loss": 0.5})
    run_id, _ = runs.completed_run("own", "own results", {"a": 1}, pd.DataFrame(), {})
    artifacts.write_text(artifacts.METRICS, "{}")
    described = pd.DataFrame({"sample_id": ["s0"]})
    runs.log_results(run_id, "own results", {"": [artifacts.METRICS]}, described, "insects", "abc")
    version = registry.create_version("own", run_id, "own results", predictor_folder, encode(pictures[0]), {})
    (run,) = find(*connect(), runs.KEY, "own")
    assert run.info.run_id == run_id != theirs
    assert run.info.experiment_id == client.get_experiment_by_name(COMMON).experiment_id
    assert "from" not in run.data.tags
    assert run.data.metrics["train/loss"] == 0.5
    assert client.get_model_version("own", version).run_id == run_id
    (model,) = (one for one in client.search_logged_models([run.info.experiment_id]) if one.source_run_id == run_id)
    assert model.status == "READY"
    assert known(store, theirs) == before


def test_an_active_run_of_the_process_is_left_alone(theirs, store, client, monkeypatch):
    monkeypatch.delenv("MLFLOW_RUN_ID")
    mlflow.set_tracking_uri(f"sqlite:///{store / 'mlflow.db'}")
    with mlflow.start_run(log_system_metrics=False) as active:
        before = known(store, active.info.run_id)
        with runs.training_run("beside an active one", {"a": 1}) as log:
            log(1, {"epoch": 1, "train_loss": 0.5})
        assert known(store, active.info.run_id) == before
    (run,) = find(*connect(), runs.KEY, "beside an active one")
    assert run.info.status == "FINISHED"


def test_the_trials_of_a_search_stand_under_it(theirs, store, client):
    before = known(store, theirs)
    parent = parent_runs.study_run("key in a foreign shell", "tune", {"a": 1})
    with parent_runs.trial_run(parent, 0, {"x": 1}) as log:
        log(1, {"epoch": 1, "train_loss": 0.5})
    parent_runs.finish(parent, {"best": 1.0}, [])
    (trial,) = find(*connect(), parent_runs.PARENT, parent)
    assert trial.data.metrics == {"train/loss": 0.5}
    assert known(store, theirs) == before
