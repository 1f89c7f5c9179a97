"""One MLflow run per pipeline execution: opened by `train`, completed by `register`, found again by its content key."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import yaml

from pipeline.core import artifacts
from pipeline.core.estimate import Estimate
from pipeline.core.manifest_schema import SPLITS
from pipeline.core.uris import mask_values
from pipeline.tracking.connection import Unavailable, find, open_store
from pipeline.tracking.journal import Journal, bring_left, log_figures, log_params
from pipeline.tracking.owners import sweep
from pipeline.tracking.recording import record_run

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

    from pipeline.core.open_types import Params

KEY, RESULTS = "colibri.training_key", "colibri.results_key"
REPEATED = "colibri.repeat_key"  # of data, choices and code: an equal key gives an equal training
MADE = "colibri.made"  # digest of what training made: predictor and curves
MAX_PARAM_LENGTH = 500
UNLOGGED = ("validate", "check", "embed", "curate", "evaluate", "metric", "gate", "register")
INTERVAL, INTERVALS = ("value", "low", "high", "n", "groups", "caveat"), "evaluation/intervals.json"
SECONDS = "train/seconds"  # since the training started, at the end of each epoch


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
def training_run(key: str, params: Params, repeat_key: str = "") -> Iterator[TrainingLog]:
    """A run that receives the figures of each epoch and, over time, the use of processor and memory.

    A store that does not answer does not delay the training: the figures wait in a file. Where a finished run of the
    same `repeat_key` is there (the stage was forced to run again), nothing is logged twice.

    Args:
        key: Of data and choices.
        params: All parameters of the pipeline.
        repeat_key: Of data, choices and code; empty for `key`.

    Raises:
        UserError: MLFLOW_TRACKING_URI names something that cannot be a store.
    """
    with suppress(Unavailable), open_store(wait=0) as (client, experiment):
        bring_left()
        sweep(client, experiment)
    with record_run(
        name=os.environ.get("DVC_EXP_NAME"),
        tags={**_tags(key), REPEATED: repeat_key or key},
        params=flat_params(params),
        failed="FAILED",
        finished_before=(REPEATED, repeat_key or key),
        usage=True,
    ) as journal:
        yield TrainingLog(journal)


def completed_run(
    key: str,
    results_key: str,
    params: Params,
    curves: pd.DataFrame,
    metrics: dict[str, dict[str, Estimate]],
    made: str = "",
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

    Returns:
        The run's id, and whether it had the results before.
    """
    with open_store() as (client, experiment):
        bring_left()
        sweep(client, experiment)
        same = find(client, experiment, RESULTS, results_key)
        if same:
            return str(same[0].info.run_id), True
        open_ones = [
            run
            for run in find(client, experiment, KEY, key)
            if run.info.status == "FINISHED" and RESULTS not in run.data.tags and run.data.tags.get(MADE, made) == made
        ]
        if open_ones:
            run_id = str(open_ones[0].info.run_id)
        else:
            run = client.create_run(
                experiment, run_name=os.environ.get("DVC_EXP_NAME"), tags=_tags(key) | ({MADE: made} if made else {})
            )
            run_id = str(run.info.run_id)
            log_params(client, run_id, flat_params(params))
            for row in curves.to_dict("records"):
                step = int(row.pop("epoch"))
                log_figures(client, run_id, {metric_group(str(name)): value for name, value in row.items()}, step)
            client.set_terminated(run_id)
        _log_figures(client, run_id, metrics)
    return run_id, False


def _log_figures(client: MlflowClient, run_id: str, metrics: dict[str, dict[str, Estimate]]) -> None:
    """Each figure as a metric; its interval, groups and caveat in a table: as metrics they would hide the others."""
    rows, measured = [], {}
    for split, figures in metrics.items():
        for name, figure in figures.items():
            rows.append([f"{split}/{name}", *(getattr(figure, column) for column in INTERVAL)])
            if figure.value is not None:
                measured[f"{split}/{metric_name(name)}"] = figure.value
            if figure.caveat and "/" not in name:
                client.set_tag(run_id, f"caveat.{split}.{name}", figure.caveat)
    log_figures(client, run_id, measured)
    client.log_dict(run_id, {"columns": ["metric", *INTERVAL], "data": rows}, INTERVALS)
    client.set_tag(run_id, "mlflow.loggedArtifacts", json.dumps([{"path": INTERVALS, "type": "table"}]))


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
    from mlflow.data.pandas_dataset import from_pandas
    from mlflow.entities import DatasetInput, InputTag

    with open_store() as (client, _):
        for folder, paths in files.items():
            for path in paths:
                if path.exists():
                    _log_file(client, run_id, path, folder or None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # several kinds of source would fit a local path
            described = from_pandas(dataset, source=str(artifacts.MANIFEST), name=name, digest=data_hash)
        context = [InputTag("mlflow.data.context", "training")]
        client.log_inputs(run_id, [DatasetInput(described._to_mlflow_entity(), context)])
        client.set_tag(run_id, RESULTS, results_key)


def training_seconds(key: str) -> float | None:
    """From the start of the training of this key to the end of its last epoch, or None where no run recorded it.

    DVC's run-cache brings results back without a training, and a resumed training counts from where it went on.
    """
    with open_store() as (client, experiment):
        bring_left()
        known = [run for run in find(client, experiment, KEY, key) if run.info.status == "FINISHED"]
    return next((float(run.data.metrics[SECONDS]) for run in known if SECONDS in run.data.metrics), None)


def differing_params(run_id: str, other: str) -> list[str]:
    """The dotted names of the choices that two runs do not share, sorted."""
    with open_store() as (client, _):
        ours, theirs = (client.get_run(one).data.params for one in (run_id, other))
    return sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key) and _makes(key))


def metric_name(name: str) -> str:
    """A name that MLflow accepts, whatever the class is called.

    A name that had to be changed ends with a digest of itself, so that two classes never share a metric.
    """
    parts = re.sub(r"[^\w\-. /:]", "_", name)[:200].split("/")
    accepted = "/".join(part if part.strip(".") else "_" for part in parts)  # MLflow refuses a//b, a/. and a/..
    return name if accepted == name else f"{accepted} {artifacts.content_digest(name.encode())[:8]}"


def flatten(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Dotted key and text of every leaf of nested parameters."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from flatten(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, str(value)


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


def epoch_figures(figures: dict[str, float]) -> dict[str, float]:
    """The figures of an epoch under the names that they have in MLflow."""
    return {metric_group(name): value for name, value in figures.items() if name != "epoch"}


def flat_params(params: Params) -> dict[str, str]:
    """The leaves of the parameters under their dotted keys, without credentials, cut to what MLflow keeps.

    Choices that only measure and evaluate are left out, so that two runs show how they were made; params.yaml, an
    artifact of the run, has everything.
    """
    return {
        re.sub(r"[^\w\-. /]", "_", key)[:250]: text[:MAX_PARAM_LENGTH]
        for key, text in flatten(mask_values(params))
        if _makes(key)
    }


def _makes(key: str) -> bool:
    return key.split(".")[0] not in UNLOGGED


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


def metric_group(name: str) -> str:
    """train_loss as train/loss, so that the UI groups curves."""
    group, _, rest = name.partition("_")
    return f"{group}/{rest}" if group in SPLITS else f"train/{name}"
