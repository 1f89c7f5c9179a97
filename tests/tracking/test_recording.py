"""A training never waits for its diary and never dies of it: what the store did not get at once it gets later."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import mlflow
import pandas as pd
import pytest

from pipeline.core.errors import UserError
from pipeline.tracking import journal as module
from pipeline.tracking import owners, parent_runs, recording, runs
from pipeline.tracking.connection import WAIT, Unavailable, connect, find
from pipeline.tracking.journal import JOURNAL, Journal, bring_left, folder

pytestmark = pytest.mark.xdist_group("tracking")
HOLD = """
import sqlite3, sys
holder = sqlite3.connect(sys.argv[1], isolation_level=None)
holder.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.readline()
"""
TRAIN = """
import os, signal, sys
from pipeline.tracking import runs
with runs.training_run(sys.argv[1], {"a": 1}) as log:
    log(1, {"epoch": 1, "train_loss": 0.5})
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def short(store, monkeypatch):
    """Times of tests, and nothing left by the test before."""
    monkeypatch.setenv(WAIT, "0.2")
    monkeypatch.setattr(recording, "SECONDS_BETWEEN", 0.05)
    shutil.rmtree(folder(), ignore_errors=True)


@contextmanager
def held(store):
    """Another process has locked the database."""
    command = [sys.executable, "-c", HOLD, str(store / "mlflow.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.communicate("\n")


def train(key, epochs=3):
    with runs.training_run(key, {"image_size": 16}) as log:
        for epoch in range(1, epochs + 1):
            log(epoch, {"epoch": epoch, "train_loss": 1 / epoch})


def with_key(key):
    return find(*connect(), runs.KEY, key)


def losses(client, run):
    return [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, "train/loss")]


def test_a_training_under_a_locked_store_ends_well_and_is_logged_later(store, client, capfd):
    with held(store):
        started = time.monotonic()
        train("locked all the time")
        assert time.monotonic() - started < 5
        said = capfd.readouterr().err
        assert "database is locked" in said
        assert f"its figures are kept in {folder()}" in said
        assert "reach MLflow with the next training or registration" in said
        assert "autoflush" not in said
        assert "Traceback" not in said
        with pytest.raises(UserError, match=r"^MLflow's store .* cannot be written \(database is locked\); stop what"):
            runs.completed_run("locked all the time", "its results", {"a": 1}, pd.DataFrame(), {})  # as register does
    assert len(list(folder().glob("*.jsonl"))) == 1
    run_id, _ = runs.completed_run("locked all the time", "its results", {"image_size": 16}, pd.DataFrame(), {})
    (run,) = with_key("locked all the time")
    assert (run.info.run_id, run.info.status, run.data.params) == (run_id, "FINISHED", {"image_size": "16"})
    assert losses(client, run) == [(1, 1), (2, 1 / 2), (3, 1 / 3)]
    assert list(folder().iterdir()) == []
    assert run.info.end_time - run.info.start_time < 5000  # as long as it trained, not until it was logged


def test_a_lock_in_the_middle_of_a_training_is_sat_out(store, client, capfd):
    with runs.training_run("locked for a while", {"a": 1}) as log:
        log(1, {"epoch": 1, "train_loss": 1.0})
        wait_for(lambda: with_key("locked for a while"))
        with held(store):
            log(2, {"epoch": 2, "train_loss": 0.5})
            wait_for(lambda: "database is locked" in capfd.readouterr().err)
        log(3, {"epoch": 3, "train_loss": 0.25})
        (run,) = with_key("locked for a while")
        wait_for(lambda: len(losses(client, run)) == 3)  # while it still trains
        assert run.info.status == "RUNNING"
        assert run.data.tags[owners.PID]
    (run,) = with_key("locked for a while")
    assert losses(client, run) == [(1, 1.0), (2, 0.5), (3, 0.25)]
    assert run.info.status == "FINISHED"
    assert list(folder().iterdir()) == []
    assert "usage/cpu_utilization_percentage" in run.data.metrics


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_server_that_is_gone(store, client, monkeypatch, capfd):
    own = f"sqlite:///{store / 'mlflow.db'}"
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))  # bound and never listening: whoever asks is refused at once
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ann:hunter2@127.0.0.1:{probe.getsockname()[1]}")
        train("no server")
        with pytest.raises(UserError, match=r"^MLflow's store http://\*\*\*@127.0.0.1:\d+ cannot be used \(.*refused"):
            runs.completed_run("no server", "its results", {"a": 1}, pd.DataFrame(), {})
    said = capfd.readouterr()
    assert "http://***@127.0.0.1" in said.err
    assert "hunter2" not in said.err + said.out + "".join(path.read_text() for path in folder().glob("*.jsonl"))
    assert "Traceback" not in said.err
    monkeypatch.setenv("MLFLOW_TRACKING_URI", own)
    train("the next one")  # brings what was left
    (run,) = with_key("no server")
    assert losses(client, run) == [(1, 1), (2, 1 / 2), (3, 1 / 3)]
    assert list(folder().iterdir()) == []


def test_a_training_that_was_killed_is_told_and_closed_by_the_next(store, client):
    with held(store):
        done = subprocess.run([sys.executable, "-c", TRAIN, "killed in the dark"], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert with_key("killed in the dark") == []
    train("after it")
    (run,) = with_key("killed in the dark")
    assert (run.info.status, run.data.tags[owners.ERROR]) == ("KILLED", owners.GONE)
    assert losses(client, run) == [(1, 0.5)]
    assert list(folder().iterdir()) == []


def test_bringing_it_twice_gives_the_same_run(store, client, tmp_path):
    with held(store):
        train("brought twice")
    (path,) = folder().glob("*.jsonl")
    shutil.copy(path, tmp_path / path.name)
    bring_left()
    (run,) = with_key("brought twice")
    before = (run.to_dictionary(), losses(client, run))
    shutil.copy(tmp_path / path.name, path)  # as if the process had been killed just before it removed the file
    bring_left()
    (again,) = with_key("brought twice")
    assert (again.to_dictionary(), losses(client, again)) == before
    assert list(folder().iterdir()) == []


def test_what_was_interrupted_between_two_batches_goes_on(store, client, monkeypatch):
    with held(store):
        train("in parts", epochs=7)
    monkeypatch.setattr(module, "BATCH", 4)
    logged, log_batch = [], mlflow.MlflowClient.log_batch

    def fail_once(self, run_id, metrics=(), **kwargs):
        if metrics:
            logged.append(len(metrics))
            if len(logged) == 2:
                raise mlflow.MlflowException("database is locked")
        return log_batch(self, run_id, metrics=metrics, **kwargs)

    monkeypatch.setattr(mlflow.MlflowClient, "log_batch", fail_once)
    with pytest.raises(Unavailable, match=r"database is locked"):
        bring_left()
    bring_left()
    (run,) = with_key("in parts")
    assert losses(client, run) == [(epoch, 1 / epoch) for epoch in range(1, 8)]
    assert max(logged) <= 4


def test_several_are_brought_in_their_order(store, client):
    with held(store):
        for name in ("first", "second", "third"):
            train(f"in order {name}", epochs=1)
    bring_left()
    times = [with_key(f"in order {name}")[0].info.start_time for name in ("first", "second", "third")]
    assert times == sorted(times)
    assert list(folder().iterdir()) == []


def test_a_living_run_is_left_to_the_process_that_writes_it(store):
    with runs.training_run("alive", {"a": 1}) as log:
        log(1, {"epoch": 1, "train_loss": 1.0})
        bring_left()
        assert len(list(folder().glob("*.jsonl"))) == 1
    assert [run.info.status for run in with_key("alive")] == ["FINISHED"]


def test_one_of_another_machine_that_shares_the_folder_is_left_alone(store):
    folder().mkdir(parents=True)
    Journal(folder() / "0.jsonl").write(begin={"name": None, "params": {}, "tags": {owners.HOST: "x", JOURNAL: "0"}})
    bring_left()
    assert [path.name for path in folder().glob("*.jsonl")] == ["0.jsonl"]


def test_what_is_already_there_is_not_told_again(store, client):
    train("done before")
    with held(store):
        train("done before")
    bring_left()
    (run,) = with_key("done before")
    assert len(losses(client, run)) == 3
    assert list(folder().iterdir()) == []


def test_what_the_store_refuses_is_put_aside_and_does_not_stop_the_next(store, client, capfd):
    with held(store):
        train("refused")
        train("taken")
    path = min(folder().glob("*.jsonl"))
    begin, *rest = path.read_text().splitlines(keepends=True)
    told = json.loads(begin)
    told["begin"]["params"] = {"../x": "1"}  # a name that MLflow refuses
    path.write_text("".join([json.dumps(told) + "\n", *rest]))
    bring_left()
    assert ", which is kept as" in capfd.readouterr().err
    assert [one.name for one in folder().iterdir()] == [path.with_suffix(".refused").name]
    assert [run.info.status for run in with_key("taken")] == ["FINISHED"]


def test_a_line_that_was_cut_off_is_passed_over(store, client):
    with held(store):
        train("cut off")
    (path,) = folder().glob("*.jsonl")
    first, second, *rest = path.read_text().splitlines(keepends=True)
    path.write_text("".join([first, '{"step": 1, "figu\n', second, *rest]) + '{"half": ')
    bring_left()
    (run,) = with_key("cut off")
    assert losses(client, run)[-1] == (3, 1 / 3)
    assert run.info.status == "FINISHED"


def test_a_disk_that_is_full_costs_the_line_and_not_the_fit(store, capfd, tmp_path):
    journal = Journal(tmp_path / "no" / "such" / "folder.jsonl")
    journal.log(1, {"train/loss": 1.0})
    assert "cannot be written" in capfd.readouterr().err


def test_a_store_that_can_be_none_is_told_before_the_training(store, monkeypatch, tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"something else entirely" * 50)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(UserError, match=r"cannot be written \(file is not a database\)"):
        train("never")


def test_a_trial_of_a_search_sits_a_lock_out_too(store, client):
    parent = parent_runs.study_run("locked study", "tune", {"a": 1})
    with held(store), parent_runs.trial_run(parent, 0, {"x": 1}) as log:
        log(1, {"epoch": 1, "train_loss": 0.5})
    assert parent_runs.study_run("locked study", "tune", {"a": 1}) == parent
    (run,) = find(*connect(), parent_runs.PARENT, parent)
    assert (run.info.status, losses(client, run)) == ("FINISHED", [(1, 0.5)])


def test_a_driver_that_fails_costs_its_own_figures_only(store, client, monkeypatch):
    def fail(self):
        raise RuntimeError("NVML: driver/library version mismatch")

    monkeypatch.setattr(recording.Usage, "sample", fail)
    train("without usage")
    (run,) = with_key("without usage")
    assert len(losses(client, run)) == 3
    assert not [name for name in run.data.metrics if name.startswith("usage/")]
