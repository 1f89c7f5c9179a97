"""One MLflow run per pipeline execution: opened by `train`, completed by `register`, found again by its content key."""

from __future__ import annotations

import os
import re
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core import files
from pipeline.core.contracts import Log
from pipeline.core.tracking.store import connect, speaking

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run

KEY, RESULTS = "colibri.training_key", "colibri.results_key"
MAX_PARAM_LENGTH = 500
SECONDS = "train/seconds"  # since the training started, at the end of each epoch
BATCH = 100


@contextmanager
def training_run(key: str, params: dict[str, Any]) -> Iterator[Log]:
    """A run that receives the figures of each epoch and, over time, the use of processor and memory.

    When a finished run of the same key is there (the stage was forced to run again), nothing is logged twice.

    Args:
        key: Of everything that training depends on.
        params: All parameters of the pipeline.
    """
    import mlflow

    client, experiment = connect()
    with speaking():
        known = find(client, experiment, KEY, key)
        for run in known:
            if run.info.status == "RUNNING":
                client.set_terminated(run.info.run_id, status="KILLED")
        done = any(run.info.status == "FINISHED" for run in known)
    if done:
        yield lambda epoch, figures: None
        return
    with speaking():
        active = mlflow.start_run(
            experiment_id=experiment, run_name=os.environ.get("DVC_EXP_NAME"), tags=_tags(key), log_system_metrics=True
        )
    with speaking(), active:
        log_params(client, active.info.run_id, params)
        started = time.perf_counter()
        yield lambda epoch, figures: _log(epoch, {**figures, "seconds": time.perf_counter() - started})


def completed_run(
    key: str, results_key: str, params: dict[str, Any], curves: pd.DataFrame, metrics: dict[str, dict[str, Any]]
) -> tuple[str, bool]:
    """The run that carries these results: the one that `train` opened, or a new one where there is none.

    DVC's run-cache brings results back without running `train`, and an edit of `evaluate` gives other results to the
    same training; both get a run of their own, with the curves from `reports/train.csv`.

    Returns:
        The run's id, and whether it had the results before.
    """
    import mlflow

    client, experiment = connect()
    with speaking():
        same = find(client, experiment, RESULTS, results_key)
        if same:
            return str(same[0].info.run_id), True
        open_ones = [
            run
            for run in find(client, experiment, KEY, key)
            if run.info.status == "FINISHED" and RESULTS not in run.data.tags
        ]
        if open_ones:
            run_id = str(open_ones[0].info.run_id)
        else:
            run = client.create_run(experiment, run_name=os.environ.get("DVC_EXP_NAME"), tags=_tags(key))
            run_id = str(run.info.run_id)
            log_params(client, run_id, params)
            for row in curves.to_dict("records"):
                step = int(row.pop("epoch"))
                for name, value in row.items():
                    client.log_metric(run_id, grouped(str(name)), float(value), step=step)
            client.set_terminated(run_id)
        for split, entries in metrics.items():
            for name, entry in entries.items():
                for part, suffix in (("value", ""), ("low", "_low"), ("high", "_high"), ("groups", "_groups")):
                    if entry[part] is not None:
                        client.log_metric(run_id, f"{split}/{metric_name(name)}{suffix}", float(entry[part]))
            caveats = {name: entry["caveat"] for name, entry in entries.items() if entry.get("caveat")}
            if caveats:
                client.log_dict(run_id, caveats, f"evaluation/{split}_caveats.json")
    assert mlflow.active_run() is None
    return run_id, False


def attach(
    run_id: str, results_key: str, artifacts: dict[str, list[Path]], dataset: pd.DataFrame, name: str, data_hash: str
) -> None:
    """Logs files and the data set, then marks the run as complete.

    Args:
        run_id: As `completed_run` returns it.
        results_key: Written last, so that an interrupted attempt is made again.
        artifacts: Folder in the run to the files that go there; those that do not exist are left out.
        dataset: A table that describes the samples.
        name: Of the data set.
        data_hash: Its digest.
    """
    import mlflow
    from mlflow.data.pandas_dataset import from_pandas

    client, _ = connect()
    with speaking():
        for folder, paths in artifacts.items():
            for path in paths:
                if path.exists():
                    client.log_artifact(run_id, str(path), folder or None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # several kinds of source would fit a local path
            described = from_pandas(dataset, source=str(files.MANIFEST), name=name, digest=data_hash)
        with mlflow.start_run(run_id=run_id, log_system_metrics=False):
            mlflow.log_input(described, context="training")
        client.set_tag(run_id, RESULTS, results_key)


def find(client: MlflowClient, experiment: str, tag: str, value: str) -> list[Run]:
    """Runs with a tag, newest first."""
    return list(client.search_runs([experiment], f"tags.`{tag}` = '{value}'", order_by=["attributes.start_time DESC"]))


def training_seconds(key: str) -> float | None:
    """From the start of the training of this key to the end of its last epoch, or None where no run recorded it.

    DVC's run-cache brings results back without a training, and a resumed training counts from where it went on.
    """
    client, experiment = connect()
    with speaking():
        known = [run for run in find(client, experiment, KEY, key) if run.info.status == "FINISHED"]
    return next((float(run.data.metrics[SECONDS]) for run in known if SECONDS in run.data.metrics), None)


def differing(run_id: str, other: str) -> list[str]:
    """The dotted names of the choices that two runs do not share, sorted."""
    client, _ = connect()
    with speaking():
        ours, theirs = (client.get_run(one).data.params for one in (run_id, other))
    return sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))


def metric_name(name: str) -> str:
    """A name that MLflow accepts, whatever the class is called.

    A name that had to be changed, or that looks like the end of an interval, ends with a digest of itself, so that two
    classes never share a metric.
    """
    parts = re.sub(r"[^\w\-. /:]", "_", name)[:200].split("/")
    accepted = "/".join(part if part.strip(".") else "_" for part in parts)  # MLflow refuses a//b, a/. and a/..
    plain = accepted == name and not name.endswith(("_low", "_high"))
    return name if plain else f"{accepted} {files.digest(name.encode())[:8]}"


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


def _log(epoch: int, figures: dict[str, float]) -> None:
    """Figures of one epoch into the active run."""
    import mlflow

    with speaking():
        mlflow.log_metrics({grouped(name): value for name, value in figures.items() if name != "epoch"}, step=epoch)


def _tags(key: str) -> dict[str, str]:
    tags = {KEY: key, "mlflow.source.name": "dvc repro", "mlflow.source.git.commit": commit()}
    if os.environ.get("DVC_EXP_NAME"):
        tags["dvc.experiment"] = os.environ["DVC_EXP_NAME"]
    return {name: value for name, value in tags.items() if value}


def log_params(client: MlflowClient, run_id: str, params: dict[str, Any]) -> None:
    """Every leaf of the parameters, under its dotted key, cut to what MLflow keeps."""
    from mlflow.entities import Param

    flat = [Param(re.sub(r"[^\w\-. /]", "_", key)[:250], text[:MAX_PARAM_LENGTH]) for key, text in flatten(params)]
    for start in range(0, len(flat), BATCH):
        client.log_batch(run_id, params=flat[start : start + BATCH])


def grouped(name: str) -> str:
    """train_loss as train/loss, so that the UI groups curves."""
    group, _, rest = name.partition("_")
    return f"{group}/{rest}" if group in ("train", "val", "test") else f"train/{name}"
