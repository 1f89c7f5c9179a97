"""Runs under one parent, so that MLflow's page shows and compares them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.contracts import Log
from pipeline.tracking.connection import find, open_store
from pipeline.tracking.journal import bring_left, log_figures, log_params
from pipeline.tracking.owners import sweep
from pipeline.tracking.recording import record_run
from pipeline.tracking.runs import RESULTS, commit, epoch_figures, flat_params

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from pipeline.core.open_types import Params

PARENT = "mlflow.parentRunId"  # MLflow's own: its page nests by it
LEADERBOARD, STUDY, TRIAL = "colibri.leaderboard", "colibri.study", "colibri.trial"


def leaderboard_run(name: str, results_keys: Mapping[str, str], artifacts: list[Path]) -> str:
    """The one run of a leaderboard, with its rows' runs under it and its table as artifacts.

    There is one per name, found again and brought up to date. A row's run is the one that its own pipeline completed:
    nothing is copied, so it is nested under the leaderboard that was made last. Each leaderboard also marks its runs
    with a tag of its own, `colibri.leaderboard.NAME`, by which they are found whatever they are nested under.

    Args:
        name: Of the leaderboard.
        results_keys: Row to the results key of its run.
        artifacts: Files to log.

    Returns:
        The id of the parent.
    """
    with open_store() as (client, experiment):
        parent = _parent(client, experiment, LEADERBOARD, name, f"leaderboard {name}")
        tag = f"{LEADERBOARD}.{name}"
        rows = {row: find(client, experiment, RESULTS, key) for row, key in results_keys.items()}
        ours = {found[0].info.run_id: row for row, found in rows.items() if found}
        for run in client.search_runs([experiment], f"tags.`{tag}` != ''"):
            if run.info.run_id not in ours:  # no row of it any more
                client.delete_tag(run.info.run_id, tag)
                if run.data.tags.get(PARENT) == parent:
                    client.delete_tag(run.info.run_id, PARENT)
        for run_id, row in ours.items():
            client.set_tag(run_id, PARENT, parent)
            client.set_tag(run_id, tag, row)
        for path in artifacts:
            client.log_artifact(parent, str(path))
    return parent


def study_run(key: str, name: str, params: Params) -> str:
    """The id of the one run of a search, under which its trials stand; those whose process is gone are closed."""
    with open_store() as (client, experiment):
        bring_left()
        sweep(client, experiment)
        parent = _parent(client, experiment, STUDY, key, name)
        if not client.get_run(parent).data.params:
            log_params(client, parent, flat_params(params))
    return parent


@contextmanager
def trial_run(parent: str, name: int | str, params: Params) -> Iterator[Log]:
    """A run under its parent, of that number or name; gives what logs the figures of an epoch.

    It is marked as killed, with the reason, where the block ends early.
    """
    tags = {PARENT: parent, TRIAL: str(name), "mlflow.source.name": "colibri tune"}
    with record_run(f"trial {name}", tags, flat_params(params), failed="KILLED") as journal:
        yield lambda epoch, figures: journal.log(epoch, epoch_figures(figures))


def finish(run_id: str, figures: Mapping[str, float], artifacts: list[Path]) -> None:
    """Figures and files of a parent that is complete."""
    with open_store() as (client, _):
        log_figures(client, run_id, figures)
        for path in artifacts:
            client.log_artifact(run_id, str(path))


def _parent(client: MlflowClient, experiment: str, tag: str, value: str, name: str) -> str:
    known = find(client, experiment, tag, value)
    if known:
        return str(known[0].info.run_id)
    tags = {tag: value, "mlflow.source.name": "colibri", "mlflow.source.git.commit": commit()}
    created = client.create_run(experiment, run_name=name, tags={key: text for key, text in tags.items() if text})
    client.set_terminated(created.info.run_id)
    return str(created.info.run_id)
