"""Which MLflow store, and whether it answers."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "colibri"
LOCK_SECONDS = 20.0
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "5",
}


def root() -> Path:
    """The main checkout, also when DVC runs the stage in a copy of it."""
    return Path(os.environ.get("DVC_ROOT") or ".").resolve()


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, or the SQLite file of the main checkout."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root() / 'mlflow.db'}"


def connect() -> tuple[MlflowClient, str]:
    """A client, and the id of the experiment; the store is made when it is not there.

    Raises:
        UserError: The store is locked, unreachable, or not MLflow's.
    """
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    uri = tracking_uri()
    _probe(uri)
    import mlflow
    from filelock import FileLock, Timeout

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # what it logs it also raises
    mlflow.set_tracking_uri(uri)
    try:
        with speaking(), FileLock(root() / ".mlflow.lock", timeout=LOCK_SECONDS * 3):
            client = mlflow.MlflowClient()
            found = client.get_experiment_by_name(EXPERIMENT)
            if found is not None:
                return client, str(found.experiment_id)
            place = (root() / "mlruns").as_uri() if uri.startswith("sqlite:") else None
            return client, str(client.create_experiment(EXPERIMENT, artifact_location=place))
    except Timeout:
        raise UserError(
            f"another process has held {root() / '.mlflow.lock'} for a minute; stop it and run again"
        ) from None


@contextmanager
def speaking() -> Iterator[None]:
    """MLflow's and its database's errors as one line that names the store."""
    import mlflow
    import requests
    import sqlalchemy
    from alembic.util import CommandError  # a database of another MLflow, or of something else

    try:
        yield
    except (mlflow.MlflowException, sqlalchemy.exc.SQLAlchemyError, requests.RequestException, CommandError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"MLflow's store {tracking_uri()} cannot be used ({reason}); check that it is reachable and not locked, "
            "or set MLFLOW_TRACKING_URI"
        ) from None


def _probe(uri: str) -> None:
    """Fails within seconds where MLflow itself would retry for many minutes."""
    if not uri.startswith("sqlite:///"):
        return
    path = Path(uri.removeprefix("sqlite:///"))
    try:
        connection = sqlite3.connect(path, timeout=LOCK_SECONDS)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise UserError(
            f"MLflow's store {path} cannot be written ({error}); stop what holds it (an MLflow UI, another run), "
            "or set MLFLOW_TRACKING_URI to another store, then run dvc repro again"
        ) from None
