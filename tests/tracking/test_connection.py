"""A store that cannot be used is answered within seconds, in one line."""

import logging
import os
import socket
import sqlite3
import threading
import time
from contextlib import closing

import filelock
import mlflow
import pytest
import requests
import sqlalchemy

from pipeline.core.errors import UserError
from pipeline.tracking import connection as module
from pipeline.tracking.connection import COMMON, DATASET, QUIET, connect, root, tracking_uri, translate_errors
from pipeline.tracking.experiments import open_experiment

pytestmark = pytest.mark.xdist_group("tracking")


def refused(match):
    """A user's error of one line."""
    return pytest.raises(UserError, match=r"\A(?![\s\S]*\n)" + match)


def test_the_store_is_made_and_colibris_experiments_are_found(store, client):
    assert (store / "mlflow.db").is_file()
    ids = {name: open_experiment(client, dataset) for name, dataset in ((COMMON, None), (f"{COMMON}-flies", "flies"))}
    theirs = client.create_experiment("colibri-of-somebody")
    assert set(ids.values()) <= set(connect()[1])
    assert not {theirs, "0"} & set(connect()[1])
    for name, number in ids.items():
        found = client.get_experiment(number)
        assert (found.name, found.artifact_location) == (name, (store / "mlruns").as_uri())
    assert client.get_experiment(ids["colibri-flies"]).tags[DATASET] == "flies"


def test_root_is_the_main_checkout_also_in_a_copy_that_dvc_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert root() == tmp_path.resolve()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    assert root() == tmp_path.resolve() / "main"


def test_tracking_uri_is_the_users_or_the_file_of_the_main_checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://example.org")
    assert tracking_uri() == "http://example.org"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking_uri() == f"sqlite:///{tmp_path.resolve()}/mlflow.db"


def test_quiet_settings_do_not_override_the_users(store, monkeypatch):
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "99")
    connect()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == QUIET["MLFLOW_DISABLE_TELEMETRY"]
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "99"


def test_mlflow_says_nothing_about_what_it_raises(client, capfd):
    assert logging.getLogger("mlflow.store.db.utils").getEffectiveLevel() == logging.CRITICAL
    with refused(r"MLflow's store sqlite:///.* cannot be used \(.*no-such-run.*\)"), translate_errors():
        client.get_run("no-such-run")
    assert capfd.readouterr() == ("", "")


def test_a_store_is_waited_for_as_long_as_told(store, monkeypatch):
    monkeypatch.setenv(module.WAIT, "30")
    holder = sqlite3.connect(store / "mlflow.db", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(0.7, lambda: holder.execute("ROLLBACK"))
    timer.start()
    started = time.monotonic()
    connect()
    assert time.monotonic() - started > 0.6
    timer.join()
    holder.close()


def test_how_long_was_waited_is_told(store, monkeypatch):
    monkeypatch.setenv(module.WAIT, "1")
    with closing(sqlite3.connect(store / "mlflow.db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with refused(r".*\(database is locked\).* \(waited 1 s; COLIBRI_TRACKING_WAIT sets how long\)$"):
            connect()


@pytest.mark.parametrize("told", ["soon", "-1", "nan", "1e9"])
def test_a_time_to_wait_is_a_number_of_seconds(monkeypatch, told):
    monkeypatch.setenv(module.WAIT, told)
    with refused(rf"COLIBRI_TRACKING_WAIT must be a number of seconds from 0 to 86400, got '{told}'"):
        module.patience()


def test_what_no_waiting_mends_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv(module.WAIT, "300")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/nowhere/mlflow.db")
    with refused(r"MLflow's store .*unable to open database file"):
        connect()


def test_sqlalchemys_advice_to_programmers_reaches_nobody(store):
    said = "(raised as a result of Query-invoked autoflush; consider using a session.no_autoflush block if ...)"
    said += "\n(sqlite3.OperationalError) database is locked\n[SQL: INSERT ...]"
    match = r"MLflow's store .* cannot be used \(\(sqlite3.OperationalError\) database is locked\);"
    with pytest.raises(module.Unavailable, match=match), translate_errors():
        raise mlflow.MlflowException(said)
    with pytest.raises(module.Unavailable, match=r"cannot be used \(database is locked\);"), translate_errors():
        raise mlflow.MlflowException(said) from sqlalchemy.exc.OperationalError(
            "INSERT", {}, sqlite3.OperationalError("database is locked")
        )


def test_a_locked_store(store, monkeypatch):
    monkeypatch.setenv(module.WAIT, "0.1")
    path = store / "mlflow.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with refused(rf"MLflow's store {path} cannot be written \(database is locked\); stop what holds it"):
            connect()
        holder.execute("ROLLBACK")
    connect()


def test_a_store_in_a_folder_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/nowhere/mlflow.db")
    with refused(r"MLflow's store .*/nowhere/mlflow\.db cannot be written \(unable to open database file\)"):
        connect()


def test_a_file_that_is_no_database(tmp_path, monkeypatch):
    (tmp_path / "mlflow.db").write_bytes(b"something else entirely" * 50)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    with refused(r"MLflow's store .*mlflow\.db cannot be written \(file is not a database\)"):
        connect()


def test_a_database_of_something_else(store, tmp_path, monkeypatch):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE alembic_version (version_num TEXT)")
        other.execute("INSERT INTO alembic_version VALUES ('a revision that MLflow never had')")
        other.commit()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
    with refused(r"MLflow's store sqlite:///.*other\.db cannot be used \(.+\); check that it is reachable"):
        connect()


def test_a_server_that_is_not_there(store, monkeypatch):
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]  # bound and never listening: whoever asks is refused at once
        uri = f"http://127.0.0.1:{port}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.setenv(module.WAIT, "0")
        with refused(
            rf"MLflow's store {uri} cannot be used \(.*refused.*\); check that it is reachable and not locked"
        ):
            connect()


def test_another_process_that_makes_the_store(store, monkeypatch):
    monkeypatch.setenv(module.WAIT, "0")
    held, done = threading.Event(), threading.Event()

    def hold():
        with filelock.FileLock(store / ".mlflow.lock"):
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(30)
        with refused(r"another process holds .*\.mlflow\.lock; stop it and run again$"):
            connect()
    finally:
        done.set()
        holder.join()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (mlflow.MlflowException("first line\nsecond line"), r"first line"),
        (sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception("disk I/O error")), r".*disk I/O error"),
        (requests.ConnectionError("refused"), r"refused"),
        (requests.Timeout(), r"Timeout"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_of_mlflow_in_one_line(store, error, reason):
    with refused(rf"MLflow's store sqlite:///.* cannot be used \({reason}\); check that it"), translate_errors():
        raise error


@pytest.mark.parametrize("error", [UserError("ours"), KeyError("a bug")])
def test_other_errors_pass(error):
    with pytest.raises(type(error), match=r"ours|a bug"), translate_errors():
        raise error
