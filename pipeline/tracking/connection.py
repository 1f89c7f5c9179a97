"""Connects to the MLflow store, and waits for one that is locked or does not answer."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError
from pipeline.core.uris import main_checkout, sqlite_path, sqlite_uri
from pipeline.tracking.relocation import relocate

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

COMMON = "colibri"  # the experiment of all data sets before each had its own; runs in it are found and compared as ever
DATASET = "colibri.dataset"  # tag of an experiment: whose runs it holds
PARENT = "mlflow.parentRunId"  # MLflow's own: its page nests by it
WAIT = "COLIBRI_TRACKING_WAIT"
WAIT_SECONDS = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
PROBE_SECONDS = 5.0
TEMPORARY = ("TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED")
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
}


class Unavailable(UserError):
    """The store is locked or does not answer; it may do so later."""


def root() -> Path:
    """The main checkout, also when DVC runs the stage in a copy of it."""
    return main_checkout()


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, or the SQLite file of the main checkout."""
    return os.environ.get("MLFLOW_TRACKING_URI") or sqlite_uri(root() / "mlflow.db")


def patience() -> float:
    """Seconds to wait for a store that is locked or does not answer: COLIBRI_TRACKING_WAIT, 60 unless set.

    Raises:
        UserError: It is no number from 0 to 86400.
    """
    text = os.environ.get(WAIT) or str(WAIT_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise UserError(f"{WAIT} must be a number of seconds from 0 to 86400, got {text!r}; unset it, or set 60")
    return seconds


def connect(wait: float | None = None) -> tuple[MlflowClient, list[str]]:
    """A client of this store alone, and the ids of Colibri's experiments; the store is made when it is not there.

    Of MLflow's variables only `MLFLOW_TRACKING_URI` counts: runs, experiments and
    registries that are named there belong to somebody else.

    Args:
        wait: Seconds at most; `patience()` unless given.

    Raises:
        Unavailable: The store was locked or unreachable all the time.
        UserError: It is no MLflow store, and cannot become one.
    """
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    wait = patience() if wait is None else wait
    deadline, pause = time.monotonic() + wait, FIRST_PAUSE
    while True:
        left = deadline - time.monotonic()
        try:
            return _connect(max(left, 0.0))
        except Unavailable as error:
            if left <= 0:
                raise _after(error, wait) from None
        time.sleep(min(pause, max(deadline - time.monotonic(), 0.0)))
        pause = min(2 * pause, LONGEST_PAUSE)


@contextmanager
def open_store(wait: float | None = None) -> Iterator[tuple[MlflowClient, list[str]]]:
    """What `connect` gives; within the block errors of MLflow are one line that names the store.

    Args:
        wait: As for `connect`.
    """
    client, experiments = connect(wait)
    with translate_errors():
        yield client, experiments


def _after(error: Unavailable, wait: float) -> Unavailable:
    return Unavailable(f"{error} (waited {wait:.0f} s; {WAIT} sets how long)") if wait >= 1 else error


def _connect(left: float) -> tuple[MlflowClient, list[str]]:
    uri = tracking_uri()
    _probe(uri, min(left, PROBE_SECONDS))
    import mlflow
    from filelock import FileLock, Timeout

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # what it logs it also raises
    mlflow.set_tracking_uri(uri)  # MLflow reads it when it creates a version, whatever the client says
    try:
        with translate_errors(), FileLock(root() / ".mlflow.lock", timeout=max(left, 1.0)):
            client = mlflow.MlflowClient(uri, uri)
            found = client.search_experiments(filter_string=f"name LIKE '{COMMON}%'")
            return client, [str(one.experiment_id) for one in found if one.name == COMMON or DATASET in one.tags]
    except ModuleNotFoundError as error:
        raise UserError(
            f"MLFLOW_TRACKING_URI {uri} needs the package {error.name!r}, which is not installed; install it"
        ) from None
    except Timeout:
        raise Unavailable(f"another process holds {root() / '.mlflow.lock'}; stop it and run again") from None


@contextmanager
def translate_errors() -> Iterator[None]:
    """MLflow's and its database's errors as one line that names the store."""
    import mlflow
    import requests
    import sqlalchemy
    from alembic.util import CommandError  # a database of another MLflow, or of something else

    try:
        yield
    except (mlflow.MlflowException, sqlalchemy.exc.SQLAlchemyError, requests.RequestException, CommandError) as error:
        kind = Unavailable if _may_pass(error) else UserError
        raise kind(
            f"MLflow's store {tracking_uri()} cannot be used ({_reason(error)}); check that it is reachable and not "
            "locked, or set MLFLOW_TRACKING_URI"
        ) from None


def find(client: MlflowClient, experiments: list[str], tag: str, value: str) -> list[Run]:
    """Runs with a tag, newest first."""
    return search(client, experiments, f"tags.`{tag}` = '{value}'")


def search(client: MlflowClient, experiments: list[str], condition: str) -> list[Run]:
    """Runs of these experiments for which MLflow's filter holds, newest first."""
    if not experiments:
        return []
    return list(client.search_runs(experiments, condition, order_by=["attributes.start_time DESC"]))


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _reason(error: BaseException) -> str:
    """What the database or the connection said, without SQL, and without SQLAlchemy's advice to programmers."""
    driver = next(filter(None, (getattr(cause, "orig", None) for cause in _causes(error))), None)
    lines = [line for line in str(driver or error).strip().splitlines() if not line.startswith("(raised as a result")]
    return (lines or [type(error).__name__])[0]


def _may_pass(error: BaseException) -> bool:
    """Whether the same call may succeed later: a lock, a connection, a server that is overloaded or starting."""
    import requests
    import sqlalchemy

    passing = (requests.ConnectionError, requests.Timeout, sqlalchemy.exc.OperationalError, sqlalchemy.exc.TimeoutError)
    return (
        any(isinstance(cause, passing) for cause in _causes(error))
        or getattr(error, "error_code", None) in TEMPORARY
        or "failed with exception" in str(error)  # of a request: MLflow keeps no other sign of it
        or "database is locked" in str(error)
    )


def _probe(uri: str, seconds: float) -> None:
    """Fails within seconds where MLflow itself would retry for many minutes; finds a project that was moved."""
    database = sqlite_path(uri)
    if database is not None:
        _probe_file(database, seconds)
    elif uri.startswith(("http://", "https://")):
        _probe_server(uri)


def _probe_file(database: Path, seconds: float) -> None:
    try:
        with closing(sqlite3.connect(database, timeout=seconds, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            relocate(connection, database.parent, ours=database == root() / "mlflow.db")
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        kind = Unavailable if "locked" in str(error) or "busy" in str(error) else UserError
        raise kind(
            f"MLflow's store {database} cannot be written ({error}); stop what holds it (an MLflow UI, another run), "
            "or set MLFLOW_TRACKING_URI to another store, then run dvc repro again"
        ) from None


def _probe_server(uri: str) -> None:
    import requests

    with translate_errors():
        answer = requests.get(f"{uri.rstrip('/')}/health", timeout=PROBE_SECONDS)
        if answer.status_code >= 500:
            raise requests.ConnectionError(f"the server answers {answer.status_code} {answer.reason}")
