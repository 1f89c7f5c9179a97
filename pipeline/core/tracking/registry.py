"""Model versions with the aliases `challenger` and `champion`."""

from __future__ import annotations

from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from pipeline.core.tracking.runs import RESULTS
from pipeline.core.tracking.store import connect, speaking

NEEDED = (
    "hydra-core",
    "mlflow",
    "numpy",
    "omegaconf",
    "pandas",
    "pillow",
    "pyarrow",
    "safetensors",
    "scikit-learn",
    "skops",
    "timm",
    "torch",
    "torchvision",
    "tqdm",
)
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # no such model; no such alias
PREDICTIONS = "evaluation/predictions.parquet"
MAX_EARLIER = 50  # versions looked at
DATA_HASH, COMMIT, TEST_SET = "data_hash", "git_commit", "test_set"  # tags of a version


def find_version(name: str, results_key: str) -> str | None:
    """The version that carries these results already."""
    client, _ = connect()
    with speaking():
        found = client.search_model_versions(f"name = '{name}' and tags.`{RESULTS}` = '{results_key}'")
    return str(found[0].version) if found else None


def champion(name: str) -> tuple[str, str] | None:
    """Version and run id of the present champion."""
    import mlflow

    client, _ = connect()
    with speaking():
        try:
            found = client.get_model_version_by_alias(name, "champion")
        except mlflow.MlflowException as error:
            if error.error_code not in ABSENT:  # a store that does not answer must not look like one without champion
                raise
            return None
    return str(found.version), str(found.run_id)


def earlier_data(name: str, data_hash: str) -> list[tuple[str, str, dict[str, str]]]:
    """Version, run id and tags of the versions made of the other data that were used last; the newest first."""
    client, _ = connect()
    with speaking():
        found = client.search_model_versions(f"name = '{name}'")
    others = sorted(
        (one for one in found if one.tags.get(DATA_HASH, data_hash) != data_hash), key=lambda one: -int(one.version)
    )
    return [
        (str(one.version), str(one.run_id), dict(one.tags))
        for one in others
        if one.tags[DATA_HASH] == others[0].tags[DATA_HASH]
    ][:MAX_EARLIER]


def num_judged_on(name: str, test_set: str) -> int:
    """How many versions were judged on these test samples."""
    client, _ = connect()
    with speaking():
        found = client.search_model_versions(f"name = '{name}' and tags.`{TEST_SET}` = '{test_set}'")
    return len(found)


def predictions_of(run_id: str, folder: Path) -> Path:
    """Downloads the predictions that a run was judged by."""
    import mlflow

    connect()
    with speaking():
        return Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=PREDICTIONS, dst_path=str(folder)))


def create_version(
    name: str, run_id: str, results_key: str, predictor: Path, example: bytes, tags: dict[str, str]
) -> str:
    """Logs the predictor into its run as a served model and registers it; returns the version.

    Args:
        name: Of the registered model.
        run_id: The run it belongs to.
        results_key: Tag by which `find_version` knows it again.
        predictor: The folder with card and weights.
        example: An encoded picture.
        tags: Of the version.
    """
    import mlflow
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, DataType, Map, Schema

    import pipeline

    client, _ = connect()
    signature = ModelSignature(
        inputs=Schema([ColSpec(DataType.binary, "image")]),
        outputs=Schema([ColSpec(DataType.string, "class"), ColSpec(Map(DataType.double), "scores")]),
    )
    with speaking(), mlflow.start_run(run_id=run_id, log_system_metrics=False):
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(__file__).with_name("served.py")),
            artifacts={"predictor": str(predictor.resolve())},
            code_paths=[str(Path(pipeline.__file__).parent)],
            signature=signature,
            input_example=pd.DataFrame({"image": [example]}),
            pip_requirements=[f"{package}=={installed(package).partition('+')[0]}" for package in NEEDED],
        )
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        created = client.create_model_version(
            name, logged.model_uri, run_id, tags={**tags, RESULTS: results_key}, model_id=logged.model_id
        )
    return str(created.version)


def set_alias(name: str, alias: str, version: str) -> None:
    client, _ = connect()
    with speaking():
        client.set_registered_model_alias(name, alias, version)


def version_tags(name: str, version: str) -> dict[str, str]:
    client, _ = connect()
    with speaking():
        return dict(client.get_model_version(name, version).tags)


def tag_version(name: str, version: str, tags: dict[str, Any]) -> None:
    client, _ = connect()
    with speaking():
        for key, value in tags.items():
            client.set_model_version_tag(name, version, key, str(value))
