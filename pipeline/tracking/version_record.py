"""What MLflow keeps of a registered version: parameters, predictions, and the card of its predictor."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

import yaml

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.nouns import CARD
from pipeline.core.results import StoredFinding, read_findings
from pipeline.tracking.connection import open_store
from pipeline.tracking.model_choice import find_version, open_files
from pipeline.tracking.registry import ABSENT, PREDICTIONS
from pipeline.tracking.runs import ALL_PARAMETERS

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class VersionRecord:
    """One version.

    Attributes:
        name: As people read it: `colibri-elpv version 3 (champion)`.
        params: All parameters of its run, without credentials.
        card: Of its predictor.
        predictions: The bytes of its `data/predictions.parquet`.
        num_bytes: Of the predictor's files, without the feature reference, which belongs to the policy.
    """

    name: str
    params: Params
    card: JsonObject
    predictions: bytes
    num_bytes: int


def read_version(model: str) -> VersionRecord:
    """The record of the version that a person means.

    Args:
        model: As for `model_choice.find_version`.

    Raises:
        UserError: There is no such version, or its run or its files are gone.
    """
    version = find_version(model)
    with open_store() as (client, _):
        run_id = str(client.get_model_version(version.name, version.version).run_id)
    with tempfile.TemporaryDirectory() as folder, open_files(version) as predictor:
        found = {name: _find_artifact(run_id, name, Path(folder)) for name in (PREDICTIONS, ALL_PARAMETERS)}
        missing = [name for name, path in found.items() if path is None]
        if missing:
            raise UserError(
                f"{version} cannot be compared: its run {run_id} has no {missing[0]} in MLflow (it was deleted, or "
                "mlruns/ was left where the model was trained); bring it back, or name the commit of the run"
            )
        predictions, params = (path for path in found.values() if path is not None)
        return VersionRecord(
            name=str(version),
            params=yaml.safe_load(params.read_text(encoding="utf-8")),
            card=artifacts.read_json(predictor / CARD),
            predictions=predictions.read_bytes(),
            num_bytes=sum(
                path.stat().st_size
                for path in predictor.rglob("*")
                if path.is_file() and path.name != artifacts.REFERENCE.name
            ),
        )


def findings_of(run_id: str) -> dict[str, StoredFinding] | None:
    """What the checks found on the data of a run; None where its files are gone."""
    with tempfile.TemporaryDirectory() as folder:
        files = [
            _find_artifact(run_id, f"data/{one.name}", Path(folder)) for one in (artifacts.CHECKS, artifacts.CURATION)
        ]
        if files[0] is None:
            return None
        return {name: finding for one in files if one is not None for name, finding in read_findings(one).items()}


def _find_artifact(run_id: str, artifact: str, folder: Path) -> Path | None:
    """An artifact of a run, copied into a folder; None where the run or the artifact is gone."""
    import mlflow

    with open_store() as (client, _):
        try:
            return Path(client.download_artifacts(run_id, artifact, str(folder)))
        except OSError:
            return None
        except mlflow.MlflowException as error:
            if error.error_code not in ABSENT:  # a store that does not answer must not look like one without it
                raise
            return None
