"""One MLflow experiment per data set, with a description and a view of the columns that people compare by."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.core.uris import sqlite_path
from pipeline.tracking.connection import COMMON, DATASET, open_store, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from pipeline.core.open_types import Params

NOTE = "mlflow.note.content"  # MLflow's own: the description on its pages, in Markdown
KIND = {"mlflow.experimentKind": "custom_model_development"}  # MLflow's own: runs and models first, not traces
ML = "workflowType=machine_learning"  # of a page of MLflow; without it MLflow shows its pages for language models
VIEW = "colibri"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"  # MLflow's own: a named view of the list of runs
COLUMNS = (
    *(f"metrics.`{name}`" for name in ("final_val/accuracy", "final_test/accuracy", "final_test/f1_macro")),
    *(f"tags.`{name}`" for name in ("verdict", "warnings", "error")),
    *(f"params.`{name}`" for name in ("overrides", "encoder", "learner", "epochs", "image_size", "augmentation")),
)
RUN_NAME = "attributes.`Run Name`"
WIDTHS = {RUN_NAME: 420, "tags.`warnings`": 200, "tags.`error`": 200, "params.`overrides`": 200}  # pixels
METRIC_WIDTH = 130


def dataset_of(params: Params) -> str | None:
    """The name of the data set in all parameters of the pipeline."""
    source = params.get("source")
    return str(source["name"]) if isinstance(source, dict) and source.get("name") else None


def experiment_name(dataset: str | None) -> str:
    """The name of a data set's experiment."""
    return f"{COMMON}-{dataset}" if dataset else COMMON


def open_experiment(client: MlflowClient, dataset: str | None) -> str:
    """The id of a data set's experiment, which is made when it is not there.

    Raises:
        UserError: Somebody deleted it in MLflow, which keeps its name.
    """
    import mlflow

    name = experiment_name(dataset)
    found = client.get_experiment_by_name(name)
    if found is None:
        database = sqlite_path(tracking_uri())
        place = (database.parent / "mlruns").as_uri() if database else None
        try:
            return str(client.create_experiment(name, place, _tags(dataset)))
        except mlflow.MlflowException:  # another process made it meanwhile
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        number = found.experiment_id
        raise UserError(
            f"experiment {name} was deleted in MLflow; bring it back with mlflow experiments restore -x {number}, or "
            f"remove it for good with mlflow gc --experiment-ids {number}"
        )
    if found.tags.get(VIEW_TAG) != _view():
        client.set_experiment_tag(found.experiment_id, VIEW_TAG, _view())
    return str(found.experiment_id)


def runs_page(dataset: str | None = None) -> str:
    """The page of MLflow that shows the runs of a data set, without the server: `/#/experiments/2/runs?...`.

    Args:
        dataset: Its name; that of params.yaml unless given. Without runs of it, all experiments are shown.
    """
    with suppress(UserError):
        dataset = dataset or dataset_of(config.load_params())
        database = sqlite_path(tracking_uri())
        if database is None or database.exists():  # a look must not make a store
            with open_store(wait=0) as (client, _):
                found = client.get_experiment_by_name(experiment_name(dataset)) or client.get_experiment_by_name(COMMON)
            if found is not None and found.lifecycle_stage == "active":
                view = f"&viewStateShareKey={VIEW}" if VIEW_TAG in found.tags else ""
                return f"/#/experiments/{found.experiment_id}/runs?{ML}{view}"
    return f"/#/experiments?{ML}"


def _tags(dataset: str | None) -> dict[str, str]:
    return {**KIND, VIEW_TAG: _view(), **({DATASET: dataset, NOTE: _note(dataset)} if dataset else {})}


def _note(dataset: str) -> str:
    return (
        f"Trainings on the data set `{dataset}`: a run for each `dvc repro`, named by what differs, and one each for "
        "`colibri leaderboard` and `colibri tune` with their runs below it.\n\n"
        "* `final_test/...` and `final_val/...`: figures of the finished model. Choose by `final_val`; `final_test` is "
        "for the report. Intervals: artifact `evaluation/intervals.json`.\n"
        "* `train/...` and `val/...`: curves by epoch. `usage/...`: use of the machine.\n"
        "* Parameters: those that runs are compared by; all of them are in the artifact `params.yaml`.\n"
        "* Filters: `metrics.\"final_val/accuracy\" > 0.8`, `params.encoder = 'hog'`, `tags.verdict = 'champion'`, "
        "`attributes.status = 'FAILED'` (the tag `error` says why)."
    )


def _view() -> str:
    """A saved view as MLflow 3.17 stores it; times are constant, so that an equal view is the same text."""
    widths = {name: METRIC_WIDTH for name in COLUMNS if name.startswith("metrics")} | WIDTHS
    state = {"selectedColumns": list(COLUMNS), "columnOrder": [RUN_NAME, *COLUMNS], "columnWidths": widths}
    return json.dumps({"name": "Colibri", "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)})
