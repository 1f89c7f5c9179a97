"""One MLflow run per pipeline execution: opened by `train`, completed by `register`, found again by its content key."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, final

import yaml

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.core.machine import describe_machine
from pipeline.core.uris import mask_values, sqlite_path
from pipeline.tracking.connection import Unavailable, find, open_store, tracking_uri
from pipeline.tracking.experiments import dataset_of, open_experiment
from pipeline.tracking.figures import epoch_figures, log_estimates, log_pretraining, read_epochs
from pipeline.tracking.journal import Journal, bring_left, log_figures, log_params
from pipeline.tracking.owners import sweep
from pipeline.tracking.parameters import choices, headline_parameters
from pipeline.tracking.recording import record_run
from pipeline.tracking.run_names import run_name

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Dataset

    from pipeline.core.open_types import JsonObject, Params

KEY, RESULTS = "colibri.training_key", "colibri.results_key"
REPEATED = "colibri.repeat_key"  # of data, choices and code: an equal key gives an equal training
MADE = "colibri.made"  # digest of what training made: predictor and curves
MACHINE = "colibri.machine"  # tag: on what the training ran, as JSON; no parameter, since no choice is made by it
SECONDS = "train/seconds"  # since the training started, at the end of each epoch
SHORT = 8  # hex digits of a digest that people read
MAX_COUNTS = 50  # classes whose samples are counted
ALL_PARAMETERS = "params.yaml"  # artifact of a run


@final
class TrainingLog:
    """Records the figures of a training in its run; without a journal it does nothing.

    Args:
        journal: Of the run.
    """

    def __init__(self, journal: Journal | None):
        self._journal, self._started = journal, time.perf_counter()

    def __call__(self, epoch: int, figures: dict[str, float]) -> None:
        if self._journal is not None:
            seconds = time.perf_counter() - self._started
            self._journal.log(epoch, epoch_figures({**figures, "seconds": seconds}))

    def record_output(self, digest: str) -> None:
        """Records the digest of what training made; where a finished run made the same, this one is deleted."""
        if self._journal is not None:
            self._journal.write(unless_finished=(MADE, digest))


@contextmanager
def training_run(
    key: str, params: Params, repeat_key: str = "", facts: Mapping[str, object] | None = None
) -> Iterator[TrainingLog]:
    """A run that receives the figures of each epoch and, over time, the use of processor and memory.

    A store that does not answer does not delay the training: the figures wait in a file. Where a finished run of the
    same `repeat_key` is there (the stage was forced to run again), nothing is logged twice.

    Args:
        key: Of data and choices.
        params: All parameters of the pipeline.
        repeat_key: Of data, choices and code; empty for `key`.
        facts: What only the data say, such as the number of samples; parameters of the run.

    Raises:
        UserError: MLFLOW_TRACKING_URI names something that cannot be a store.
    """
    with suppress(Unavailable), open_store(wait=0) as (client, experiments):
        bring_left()
        sweep(client, experiments)
    with record_run(
        name=run_name(params, key),
        tags={**_tags(key), REPEATED: repeat_key or key, MACHINE: json.dumps(describe_machine())},
        params=headline_parameters(params, facts or {}),
        failed="FAILED",
        finished_before=(REPEATED, repeat_key or key),
        usage=True,
        dataset=dataset_of(params),
    ) as journal:
        yield TrainingLog(journal)


def completed_run(
    key: str,
    results_key: str,
    params: Params,
    curves: pd.DataFrame,
    metrics: dict[str, dict[str, Estimate]],
    made: str = "",
    facts: Mapping[str, object] | None = None,
    pretraining: pd.DataFrame | None = None,
) -> tuple[str, bool]:
    """The run that carries these results: the one that `train` opened, or a new one where there is none.

    DVC's run-cache brings results back without running `train`, and an edit of `evaluate` gives other results to the
    same training; both get a run of their own, with the curves from `reports/train.csv`.

    Args:
        key: Of the training.
        results_key: Of the results.
        params: All choices.
        curves: `reports/train.csv`.
        metrics: Split to its figures.
        made: Digest of what the training made, as its run has it: the same data and choices by other code made another.
        facts: As for `training_run`.
        pretraining: `reports/pretrain.csv`; None, or without rows, where the encoder was not pretrained.

    Returns:
        The run's id, and whether it had the results before.
    """
    with open_store() as (client, experiments):
        bring_left()
        sweep(client, experiments)
        same = find(client, experiments, RESULTS, results_key)
        if same:
            return str(same[0].info.run_id), True
        open_ones = [
            run
            for run in find(client, experiments, KEY, key)
            if run.info.status == "FINISHED" and RESULTS not in run.data.tags and run.data.tags.get(MADE, made) == made
        ]
        if open_ones:
            run_id = str(open_ones[0].info.run_id)
        else:
            tags = _tags(key) | ({MADE: made} if made else {})
            run = client.create_run(
                open_experiment(client, dataset_of(params)), run_name=run_name(params, key), tags=tags
            )
            run_id = str(run.info.run_id)
            log_params(client, run_id, headline_parameters(params, facts or {}))
            for step, row in read_epochs(curves):
                log_figures(client, run_id, epoch_figures(row), step)
            client.set_terminated(run_id)
        if pretraining is not None:
            log_pretraining(client, run_id, pretraining)
        log_estimates(client, run_id, metrics)
    return run_id, False


def log_results(
    run_id: str, results_key: str, files: dict[str, list[Path]], dataset: pd.DataFrame, name: str, data_hash: str
) -> None:
    """Logs files and the data set, then marks the run as complete.

    Args:
        run_id: As `completed_run` returns it.
        results_key: Written last, so that an interrupted attempt is made again.
        files: Folder in the run to the files that go there; those that do not exist are left out.
        dataset: A table that describes the samples.
        name: Of the data set.
        data_hash: Its digest.
    """
    from mlflow.entities import DatasetInput, InputTag

    context = InputTag("mlflow.data.context", "training")
    with open_store() as (client, _):
        for folder, paths in files.items():
            for path in paths:
                if path.exists():
                    _log_file(client, run_id, path, folder or None)
        client.log_inputs(run_id, [DatasetInput(_describe(dataset, name, data_hash), [context])])
        client.set_tag(run_id, RESULTS, results_key)


def log_files(run_id: str, folder: str, paths: list[Path]) -> None:
    """Logs files of a run that is complete, over those of the same name."""
    with open_store() as (client, _):
        for path in paths:
            _log_file(client, run_id, path, folder)


def _describe(dataset: pd.DataFrame, name: str, data_hash: str) -> Dataset:
    """What MLflow shows of a data set: its columns, and how many samples each split and class has."""
    from mlflow.data.pandas_dataset import from_pandas
    from mlflow.entities import Dataset

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # several kinds of source would fit a local path
        found = from_pandas(dataset, source=str(artifacts.MANIFEST), name=name, digest=data_hash[:SHORT])
    entity = found._to_mlflow_entity()
    profile: JsonObject = {"num_rows": len(dataset), "num_elements": int(dataset.size)}
    for column in ("split", "labels"):
        if column in dataset:
            profile[column] = {str(key): int(n) for key, n in dataset[column].value_counts().head(MAX_COUNTS).items()}
    return Dataset(
        name, entity.digest, entity.source_type, entity.source, schema=entity.schema, profile=json.dumps(profile)
    )


def training_seconds(key: str) -> float | None:
    """From the start of the training of this key to the end of its last epoch, or None where no run recorded it.

    DVC's run-cache brings results back without a training, and a resumed training counts from where it went on.
    """
    with open_store() as (client, experiments):
        bring_left()
        known = [run for run in find(client, experiments, KEY, key) if run.info.status == "FINISHED"]
    return next((float(run.data.metrics[SECONDS]) for run in known if SECONDS in run.data.metrics), None)


def read_machine(key: str) -> dict[str, str]:
    """On what the last finished training of this key ran; empty where no run of the store says so."""
    database = sqlite_path(tracking_uri())
    if database is not None and not database.exists():  # a look must not make a store
        return {}
    with suppress(UserError), open_store(wait=0) as (client, experiments):
        for run in find(client, experiments, KEY, key):
            if run.info.status == "FINISHED" and MACHINE in run.data.tags:
                return {str(name): str(text) for name, text in json.loads(run.data.tags[MACHINE]).items()}
    return {}


def differing_params(run_id: str, other: str) -> list[str]:
    """The dotted names of the choices that two runs do not share, sorted."""
    with open_store() as (client, _):
        ours, theirs = (_choices_of(client, one) for one in (run_id, other))
    return sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))


def _choices_of(client: MlflowClient, run_id: str) -> dict[str, str]:
    """What made a run, by its params.yaml; by its parameters where that is gone (runs of before have them all)."""
    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        try:
            path = Path(client.download_artifacts(run_id, ALL_PARAMETERS, folder))
            return choices(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (mlflow.MlflowException, OSError, AttributeError, yaml.YAMLError):
            return choices(dict(client.get_run(run_id).data.params))


def commit() -> str:
    """The git commit that is checked out, or an empty string."""
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def describe_commit(name: str) -> str:
    """The first ten digits of a git commit and its day, or as much of it as is known."""
    try:
        found = subprocess.run(
            ["git", "show", "--no-patch", "--format=%cs", name, "--"],
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return name[:10]
    return f"{name[:10]} of {found.stdout.strip()}" if name and found.returncode == 0 else name[:10]


def _tags(key: str) -> dict[str, str]:
    tags = {KEY: key, "mlflow.source.name": "dvc repro", "mlflow.source.git.commit": commit()}
    if os.environ.get("DVC_EXP_NAME"):
        tags["dvc.experiment"] = os.environ["DVC_EXP_NAME"]
    return {name: value for name, value in tags.items() if value}


def _log_file(client: MlflowClient, run_id: str, path: Path, folder: str | None) -> None:
    """Logs a file; of settings that hold credentials a copy without them."""
    masked = masked_settings(path)
    if masked is None:
        client.log_artifact(run_id, str(path), folder)
    else:
        client.log_text(run_id, masked, f"{folder}/{path.name}" if folder else path.name)


def masked_settings(path: Path) -> str | None:
    """The text of a YAML file without its credentials, or None where it holds none (or is no YAML)."""
    if path.suffix not in (".yaml", ".lock"):
        return None
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    masked = mask_values(settings)
    return None if masked == settings else yaml.safe_dump(masked, sort_keys=False, allow_unicode=True)
