"""One run `retrain` for each scheduled retraining, in an experiment of its own, and the age of the champion."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.uris import sqlite_path
from pipeline.tracking.connection import COMMON, open_store, tracking_uri
from pipeline.tracking.experiments import KIND, NOTE
from pipeline.tracking.journal import log_figures
from pipeline.tracking.registry import find_champion
from pipeline.tracking.runs import commit

if TYPE_CHECKING:
    from mlflow import MlflowClient

RETRAINING = "colibri.retraining"  # tag of a run: the key of the retraining
ABOUT = (
    "A run for each call of `colibri retrain`, also where it did nothing: the tag `outcome` says what became of it, "
    "`reason` why, `version` which model. The artifact `retrain.json` has all of it."
)


def champion_time(name: str) -> datetime | None:
    """When the champion was registered; None where there is none. A look makes no store.

    Raises:
        UserError: The store does not answer.
    """
    if not _has_store():
        return None
    with open_store() as (client, _):
        found = find_champion(client, name)
    return datetime.fromtimestamp(found.creation_timestamp / 1000, UTC) if found else None


def read_versions(name: str) -> tuple[str | None, str | None]:
    """The champion's version and the newest version, each None where there is none. A look makes no store.

    Raises:
        UserError: The store does not answer.
    """
    if not _has_store():
        return None, None
    with open_store() as (client, _):
        found = find_champion(client, name)
        numbers = [int(one.version) for one in client.search_model_versions(f"name = '{name}'")]
    return str(found.version) if found else None, str(max(numbers)) if numbers else None


def _has_store() -> bool:
    database = sqlite_path(tracking_uri())
    return database is None or database.exists()


def record_retraining(
    dataset: str, key: str, has_failed: bool, tags: Mapping[str, str], figures: Mapping[str, float], files: list[Path]
) -> str:
    """The id of the run of a retraining; recorded again under the same key it is the same run.

    Args:
        dataset: Its name.
        key: Of the retraining.
        has_failed: Whether the run is marked as failed.
        tags: What became of it.
        figures: What was counted.
        files: Artifacts.

    Raises:
        UserError: The store does not answer.
    """
    with open_store() as (client, _):
        experiment = _open_experiment(client, dataset)
        known = client.search_runs([experiment], f"tags.`{RETRAINING}` = '{key}'")
        if known:
            run_id = str(known[0].info.run_id)
        else:
            own = {RETRAINING: key, "mlflow.source.name": "colibri retrain", "mlflow.source.git.commit": commit()}
            named = {name: text for name, text in own.items() if text}
            run_id = str(client.create_run(experiment, run_name="retrain", tags=named).info.run_id)
        for name, text in tags.items():
            client.set_tag(run_id, name, text)
        log_figures(client, run_id, figures)
        for path in files:
            client.log_artifact(run_id, str(path))
        client.set_terminated(run_id, "FAILED" if has_failed else "FINISHED")
    return run_id


def _open_experiment(client: MlflowClient, dataset: str) -> str:
    """The experiment of the retrainings of a data set: its trainings have another, whose list it would fill."""
    import mlflow

    name = f"retrain-{COMMON}-{dataset}"
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    database = sqlite_path(tracking_uri())
    place = (database.parent / "mlruns").as_uri() if database else None
    try:
        return str(client.create_experiment(name, place, {**KIND, NOTE: ABOUT}))
    except mlflow.MlflowException:  # another process made it meanwhile
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)
