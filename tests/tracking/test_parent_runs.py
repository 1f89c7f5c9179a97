"""Runs under one parent: nested, found again, and nested elsewhere when another leaderboard takes them."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.core import artifacts
from pipeline.core.machine import describe_machine
from pipeline.tracking import owners, runs
from pipeline.tracking.connection import connect, find
from pipeline.tracking.parent_runs import PARENT, finish, leaderboard_run, study_run, trial_run
from pipeline.tracking.runs import RESULTS

pytestmark = pytest.mark.xdist_group("tracking")


def completed(key, params=None):
    """A run as `register` leaves it."""
    run_id, _ = runs.completed_run(f"training {key}", key, params or {"a": 1}, pd.DataFrame(), {})
    client, _ = connect()
    client.set_tag(run_id, RESULTS, key)
    return run_id


def under(client, parent):
    experiment = client.get_run(parent).info.experiment_id
    return {run.info.run_id for run in client.search_runs([experiment], f"tags.`{PARENT}` = '{parent}'")}


def test_the_rows_of_a_leaderboard_stand_under_one_run_that_is_found_again(store, client, tmp_path):
    one, two, three = (completed(f"board {name}") for name in ("one", "two", "three"))
    table = tmp_path / "leaderboard.csv"
    artifacts.write_text(table, "first")
    (parent,) = leaderboard_run("mine", {"a": "board one", "b": "board two", "gone": "no such results"}, [table])
    assert under(client, parent) == {one, two}
    assert client.get_run(one).data.tags["colibri.leaderboard.mine"] == "a"
    assert client.get_run(parent).info.status == "FINISHED"
    artifacts.write_text(table, "second")
    assert leaderboard_run("mine", {"a": "board one", "c": "board three"}, [table]) == [parent]
    assert under(client, parent) == {one, three}  # two is no row of it any more
    assert "colibri.leaderboard.mine" not in client.get_run(two).data.tags
    (tmp_path / "back").mkdir()
    assert Path(client.download_artifacts(parent, "leaderboard.csv", str(tmp_path / "back"))).read_text() == "second"


def test_a_run_of_two_leaderboards_is_nested_under_the_last_and_found_by_both(store, client):
    shared = completed("board shared")
    (first,) = leaderboard_run("first", {"a": "board shared"}, [])
    (second,) = leaderboard_run("second", {"b": "board shared"}, [])
    assert under(client, first) == set()
    assert under(client, second) == {shared}
    tags = client.get_run(shared).data.tags
    assert (tags["colibri.leaderboard.first"], tags["colibri.leaderboard.second"]) == ("a", "b")
    leaderboard_run("first", {}, [])  # what is nested elsewhere stays there
    assert under(client, second) == {shared}


def test_a_leaderboard_of_several_data_sets_has_a_run_in_the_experiment_of_each(store, client):
    """MLflow nests within one experiment only; runs of before are in the one of all data sets."""
    rows = {name: completed(f"board of {name}", name and {"source": {"name": name}}) for name in ("ants", "bees", "")}
    parents = leaderboard_run("both", {name or "old": f"board of {name}" for name in rows}, [])
    assert len(parents) == 3
    names = {}
    for parent in parents:
        (row,) = under(client, parent)
        names[row] = client.get_experiment(client.get_run(parent).info.experiment_id).name
    assert names == {rows["ants"]: "colibri-ants", rows["bees"]: "colibri-bees", rows[""]: "colibri"}
    assert leaderboard_run("nothing ran", {"a": "no such results"}, []) == []


def test_a_search_and_its_trials_are_in_the_experiment_of_the_data_set(store, client):
    parent = study_run("key of beetles", "tune x", {"source": {"name": "beetles"}})
    with trial_run(parent, "start", {}):
        pass
    (run,) = (client.get_run(one) for one in under(client, parent))
    assert run.info.run_name == "trial start"
    assert client.get_run(parent).info.run_name == "tune x · beetles"
    assert client.get_experiment(run.info.experiment_id).name == "colibri-beetles"


def test_trials_stand_under_their_search(store, client, tmp_path):
    parent = study_run("key of a study", "tune x", {"train": {"epochs": 2}})
    with trial_run(parent, 0, {"train.dropout": 0.25}) as log:
        log(1, {"epoch": 1, "train_loss": 0.5, "val_loss": 0.75})
        log(2, {"epoch": 2, "train_loss": 0.25, "val_loss": 0.5})
    (run,) = (client.get_run(one) for one in under(client, parent))
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "trial 0 · dropout 0.25"
    assert run.data.params == {"dropout": "0.25"}
    points = client.get_metric_history(run.info.run_id, "val/loss")
    assert [(point.step, point.value) for point in points] == [(1, 0.75), (2, 0.5)]
    assert client.get_run(parent).data.params == {"epochs": "2"}
    finish(parent, {"best_val_loss": 0.5}, [])
    assert client.get_run(parent).data.metrics == {"best_val_loss": 0.5}


def test_a_trial_that_was_interrupted_is_marked_also_after_a_kill(store, client):
    parent = study_run("key of a killed study", "tune x", {"a": 1})
    with pytest.raises(KeyboardInterrupt), trial_run(parent, 0, {"x": 1}):
        raise KeyboardInterrupt
    experiment = client.get_run(parent).info.experiment_id
    dead = {**owners.owner(), owners.PROCESS: "gone"}
    left = client.create_run(experiment, tags={PARENT: parent, **dead})  # as kill -9 leaves it
    assert study_run("key of a killed study", "tune x", {"a": 1}) == parent
    assert client.get_run(left.info.run_id).info.status == "KILLED"
    assert {client.get_run(one).info.status for one in under(client, parent)} == {"KILLED"}


def test_the_time_of_a_training_is_that_of_its_last_finished_run(store, client):
    assert runs.training_seconds("never trained") is None
    with runs.training_run("timed", {"a": 1}) as log:
        log(1, {"epoch": 1, "train_loss": 0.5})
        log(2, {"epoch": 2, "train_loss": 0.4})
    (run,) = find(*connect(), runs.KEY, "timed")
    first, second = (point.value for point in client.get_metric_history(run.info.run_id, runs.SECONDS))
    assert 0 < first < second == runs.training_seconds("timed")
    runs.completed_run("timed", "results from the run-cache", {"a": 1}, pd.DataFrame(), {})
    assert runs.training_seconds("timed") == second
    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert runs.training_seconds("broken off") is None


def test_the_machine_of_a_training_is_recorded_with_its_run(store, client, tmp_path, monkeypatch):
    with runs.training_run("on this machine", {"a": 1}):
        pass
    assert runs.read_machine("on this machine") == describe_machine()
    assert runs.read_machine("never trained") == {}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    assert runs.read_machine("on this machine") == {}
    assert not (tmp_path / "none.db").exists()  # a look makes no store


def broken_off():
    with runs.training_run("broken off", {"a": 1}) as log:
        log(1, {"epoch": 1, "train_loss": 0.5})
        raise KeyboardInterrupt


def test_the_folds_of_a_cross_validation_are_under_one_run_that_is_found_again(store, client, tmp_path):
    from pipeline.core.estimate import Estimate
    from pipeline.tracking.parent_runs import FoldRecord, cross_validation_run

    run_id, _ = runs.completed_run("training of fold 1", "", {"source": {"name": "folded"}}, pd.DataFrame(), {})
    table = tmp_path / "cross_validation.json"
    artifacts.write_text(table, "{}")
    figure = Estimate(value=0.75, low=0.5, high=0.9, n=40, groups=10)
    params = {"source": {"name": "folded"}}
    records = {
        f"fold {number}": FoldRecord(
            training_key=f"training of fold {number}", params=params, estimates={"accuracy": figure}
        )
        for number in (1, 2)  # the training of the second left no run
    }
    words = ("all folds", "cross-validation · folded", records, {"accuracy": figure}, [table])
    parent = cross_validation_run(*words)
    assert cross_validation_run(*words) == parent
    children = under(client, parent)
    assert run_id in children
    assert len(children) == 2
    assert {client.get_run(one).info.run_name for one in children} == {"fold 1", "fold 2"}
    assert client.get_run(run_id).data.metrics["final_test/accuracy"] == 0.75
    assert client.get_run(parent).data.metrics["cross_validated/accuracy"] == 0.75
    assert client.get_run(parent).info.run_name == "cross-validation · folded"
