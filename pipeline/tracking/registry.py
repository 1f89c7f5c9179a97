"""Model versions with the aliases `challenger` and `champion`."""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import POOL
from pipeline.core.uris import file_path, sqlite_path
from pipeline.tracking.connection import open_store, root, tracking_uri
from pipeline.tracking.journal import say
from pipeline.tracking.runs import RESULTS
from pipeline.tracking.served_signature import make_signature, pin_requirements, served_column

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from pipeline.core.open_types import JsonObject

SERVING_REQUIREMENTS = (
    "hydra-core",
    "mlflow",
    "numpy",
    "omegaconf",
    "pandas",
    "pi-heif",
    "pillow",
    "pyarrow",
    "safetensors",
    "scikit-learn",
    "skops",
    "timm",
    "torch",
    "torchvision",
    "xxhash",
)
ONNX_REQUIREMENTS = ("onnx", "onnxruntime")  # of a version that ONNX Runtime computes
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # no such model; no such alias
SPLITS = "data/splits.parquet"  # artifact of a run: which samples were train, val and test
PREDICTIONS, REGISTRATION = "evaluation/predictions.parquet", "evaluation/registration.json"  # artifacts of a run
REGISTRATION_TAG = "colibri.registration"  # of a version: where its verdict is; written before the aliases move
PROMOTION_TAG = "colibri.promotion"  # of a version that a person promoted: the reason, and the champion before
MAX_EARLIER = 50  # versions looked at
DATA_HASH, COMMIT, TEST_SET = "data_hash", "git_commit", "test_set"  # tags of a version
NUM_BYTES = "bytes"  # of a version: of the files of its predictor


def find_version(name: str, results_key: str) -> str | None:
    """The version that has these results, or None."""
    with open_store() as (client, _):
        found = client.search_model_versions(f"name = '{name}' and tags.`{RESULTS}` = '{results_key}'")
    return str(found[0].version) if found else None


def is_registered(name: str, version: str) -> bool | None:
    """Whether the store has this version, or None where it does not answer; an SQLite file is read directly."""
    database = sqlite_path(tracking_uri())
    if database is not None:
        return _is_in_file(database, name, version)
    try:
        with open_store(wait=0) as (client, _):
            return bool(client.search_model_versions(f"name = '{name}' and version_number = '{version}'"))
    except UserError:
        return None


def _is_in_file(database: Path, name: str, version: str) -> bool | None:
    if not database.exists():
        return False
    query = (
        "SELECT 1 FROM model_versions WHERE name = ? AND version = ? AND coalesce(current_stage, '') != ?",
        (name, version, "Deleted_Internal"),
    )
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=1.0)) as connection:
            return connection.execute(*query).fetchone() is not None
    except sqlite3.Error as error:
        return False if "no such table" in str(error) else None


def peek_champion(name: str) -> str | None:
    """The champion's version in a store that is an SQLite file, read directly; None where that says nothing."""
    database = sqlite_path(tracking_uri())
    if database is None or not database.exists():
        return None
    query = ("SELECT version FROM registered_model_aliases WHERE name = ? AND alias = 'champion'", (name,))
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=1.0)) as file,
    ):
        found = file.execute(*query).fetchone()
        return str(found[0]) if found else None
    return None


def champion(name: str) -> tuple[str, str] | None:
    """Version and run id of the present champion."""
    with open_store() as (client, _):
        found = find_champion(client, name)
    return (str(found.version), str(found.run_id)) if found else None


def find_champion(client: MlflowClient, name: str) -> ModelVersion | None:
    """The version with the alias `champion`, or None; a store that does not answer does not look like one without."""
    import mlflow

    try:
        return client.get_model_version_by_alias(name, "champion")
    except mlflow.MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        return None


def earlier_data(name: str, data_hash: str) -> list[tuple[str, str, dict[str, str]]]:
    """Version, run id and tags of the versions of the latest other data; the newest first."""
    with open_store() as (client, _):
        found = client.search_model_versions(f"name = '{name}'")
    others = sorted(
        (one for one in found if one.tags.get(DATA_HASH, data_hash) != data_hash), key=lambda one: -int(one.version)
    )
    return [
        (str(one.version), str(one.run_id), dict(one.tags))
        for one in others
        if one.tags[DATA_HASH] == others[0].tags[DATA_HASH]
    ][:MAX_EARLIER]


def num_versions_tested_on(name: str, test_set: str) -> int:
    """How many versions were evaluated on these test samples."""
    with open_store() as (client, _):
        found = client.search_model_versions(f"name = '{name}' and tags.`{TEST_SET}` = '{test_set}'")
    return len(found)


def predictions_of(run_id: str, folder: Path) -> Path:
    """Downloads the predictions of a run.

    Raises:
        UserError: They are not where the store says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open_store() as (client, _):
        return _download(
            client, run_id, PREDICTIONS, folder, "delete the alias champion in MLflow to start without one"
        )


def train_samples_of(run_id: str, folder: Path) -> frozenset[str] | None:
    """Samples that a run's model was fitted to: train, after a pretraining the pool too; None where not recorded."""
    import mlflow

    folder.mkdir(parents=True, exist_ok=True)
    with open_store() as (client, _):
        try:
            path = client.download_artifacts(run_id, SPLITS, str(folder))
            splits = ["train", POOL] if POOL in client.get_run(run_id).data.params else ["train"]
        except (mlflow.MlflowException, OSError):
            return None
    table = artifacts.read_table(Path(path), columns=["sample_id", "split"])
    return frozenset(table.loc[table["split"].isin(splits), "sample_id"])


def create_version(
    name: str, run_id: str, results_key: str, predictor: Path, example: bytes, tags: dict[str, str]
) -> str:
    """Logs the predictor into its run as a served model and registers it; returns the version.

    Args:
        name: Of the registered model.
        run_id: The run it belongs to.
        results_key: Tag by which `find_version` finds it.
        predictor: The folder with card and weights.
        example: An encoded sample.
        tags: Of the version.
    """
    import mlflow
    import pandas as pd
    from mlflow.models import Model

    import pipeline
    from pipeline.prediction.runtime_record import NETWORK

    column = served_column(predictor)
    _warn_of_escapes(str(root()))
    packages = (*SERVING_REQUIREMENTS, *(ONNX_REQUIREMENTS if (predictor / NETWORK).is_file() else ()))
    with open_store() as (client, _):
        run = client.get_run(run_id)
        model = client.create_logged_model(run.info.experiment_id, "model", run_id, params=run.data.params)
        logged = Model.log(  # as mlflow.pyfunc.log_model does, which takes its run from the environment
            artifact_path=None,
            flavor=mlflow.pyfunc,
            run_id=run_id,
            model_id=model.model_id,
            python_model=str(Path(__file__).with_name("pyfunc_model.py")),
            artifacts={"predictor": predictor.resolve().as_uri()},
            code_paths=[str(Path(pipeline.__file__).parent)],
            signature=make_signature(column),
            input_example=pd.DataFrame({column: [example]}),
            pip_requirements=pin_requirements(packages, column),
        )
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        created = client.create_model_version(
            name, logged.model_uri, run_id, tags={**tags, RESULTS: results_key}, model_id=logged.model_id
        )
    return str(created.version)


def _warn_of_escapes(folder: str) -> None:
    escape = re.search(r"%[0-9A-Fa-f]{2}", folder)
    if escape:
        say(
            f"MLflow reads {escape[0]} in a path as another character: load models with dst_path=FOLDER of another "
            f"path, or rename {folder}"
        )


def record_registration(name: str, version: str, result: JsonObject) -> None:
    """Keeps what was decided about a version as an artifact of its run, then marks the version with the path.

    The tag comes last: a version without it is decided about again.
    """
    with open_store() as (client, _):
        client.log_dict(client.get_model_version(name, version).run_id, result, REGISTRATION)
        client.set_model_version_tag(name, version, REGISTRATION_TAG, REGISTRATION)


def registration_of(name: str, version: str) -> JsonObject | None:
    """What was decided about a version, or None where an attempt ended before that.

    Raises:
        UserError: The artifact is not where the store says.
    """
    with open_store() as (client, _):
        found = client.get_model_version(name, version)
        tag = found.tags.get(REGISTRATION_TAG)
        if tag is None:
            return None
        if tag.startswith("{"):  # as versions of before have it
            return dict(json.loads(tag))
        with tempfile.TemporaryDirectory() as folder:
            again = f"delete version {version} of {name} in MLflow and run dvc repro -f -s register"
            path = _download(client, str(found.run_id), tag, Path(folder), again)
            return dict(json.loads(path.read_text(encoding="utf-8")))


def _download(client: MlflowClient, run_id: str, artifact: str, folder: Path, way_out: str) -> Path:
    """An artifact of a run, copied into a folder.

    Raises:
        UserError: It is not where the store says.
    """
    local = file_path(client.get_run(run_id).info.artifact_uri)
    if local is not None and not (local / artifact).exists():
        what = "the predictions of" if artifact == PREDICTIONS else "an artifact of"
        raise UserError(
            f"{local / artifact}, {what} run {run_id}, does not exist; copy mlruns/ from the former folder of the "
            f"project, or {way_out}"
        )
    return Path(client.download_artifacts(run_id, artifact, str(folder)))


def run_ids(name: str) -> dict[str, str]:
    """The versions of a registered model and the run of each; empty where there is no such model."""
    with open_store() as (client, _):
        found = client.search_model_versions(f"name = '{name}'")
    return {str(one.version): str(one.run_id) for one in found}


def version_tags(name: str, version: str) -> dict[str, str]:
    with open_store() as (client, _):
        return dict(client.get_model_version(name, version).tags)


def tag_version(name: str, version: str, tags: dict[str, Any]) -> None:
    with open_store() as (client, _):
        for key, value in tags.items():
            client.set_model_version_tag(name, version, key, str(value))


def set_alias(name: str, alias: str, version: str) -> None:
    with open_store() as (client, _):
        client.set_registered_model_alias(name, alias, version)
