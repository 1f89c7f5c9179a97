"""Runs under one parent, so that MLflow's page shows and compares them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.contracts import Log
from pipeline.tracking.connection import PARENT, find, open_store, search
from pipeline.tracking.experiments import dataset_of, open_experiment
from pipeline.tracking.figures import TEST, epoch_figures, log_estimates
from pipeline.tracking.journal import bring_left, log_figures, log_params
from pipeline.tracking.owners import sweep
from pipeline.tracking.parameters import as_parameters, flatten, headline_parameters
from pipeline.tracking.recording import record_run
from pipeline.tracking.run_names import SEPARATOR, short_key, trial_name
from pipeline.tracking.runs import KEY, RESULTS, commit

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from pipeline.core.estimate import Estimate
    from pipeline.core.open_types import Params

LEADERBOARD, STUDY, TRIAL = "colibri.leaderboard", "colibri.study", "colibri.trial"
CROSS_VALIDATION, CROSS_VALIDATION_FOLD = "colibri.cross_validation", "colibri.fold"
CROSS_VALIDATED = "cross_validated"  # group of figures in MLflow


def leaderboard_run(name: str, results_keys: Mapping[str, str], artifacts: list[Path]) -> list[str]:
    """The run of a leaderboard, with its rows' runs under it and its table as artifacts.

    There is one per name and experiment, since MLflow nests within one experiment only: a leaderboard of several data
    sets has one in the experiment of each. It is found again and brought up to date. A row's run is the one that its
    own pipeline completed: nothing is copied, so it is nested under the leaderboard that was made last. Each
    leaderboard also marks its runs with a tag of its own, `colibri.leaderboard.NAME`, by which they are found whatever
    they are nested under.

    Args:
        name: Of the leaderboard.
        results_keys: Row to the results key of its run.
        artifacts: Files to log.

    Returns:
        The ids of the parents; none where no row has a run.
    """
    with open_store() as (client, experiments):
        tag = f"{LEADERBOARD}.{name}"
        found = {row: find(client, experiments, RESULTS, key)[:1] for row, key in results_keys.items()}
        rows = {one.info.run_id: (row, one.info.experiment_id) for row, runs in found.items() for one in runs}
        parents = {
            str(one.info.experiment_id): str(one.info.run_id) for one in find(client, experiments, LEADERBOARD, name)
        }
        for run in search(client, experiments, f"tags.`{tag}` != ''"):
            if run.info.run_id not in rows:  # no row of it any more
                client.delete_tag(run.info.run_id, tag)
                if run.data.tags.get(PARENT) in parents.values():
                    client.delete_tag(run.info.run_id, PARENT)
        for run_id, (row, experiment) in rows.items():
            if experiment not in parents:
                parents[experiment] = create_parent(client, experiment, LEADERBOARD, name, f"leaderboard {name}")
            client.set_tag(run_id, PARENT, parents[experiment])
            client.set_tag(run_id, tag, row)
        for parent in parents.values():
            for path in artifacts:
                client.log_artifact(parent, str(path))
    return list(parents.values())


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldRecord:
    """What the run of one fold needs.

    Attributes:
        training_key: Of its training.
        params: All parameters of the fold.
        estimates: Figures on its test part.
    """

    training_key: str
    params: Params
    estimates: dict[str, Estimate]


def cross_validation_run(
    key: str, title: str, folds: Mapping[str, FoldRecord], estimates: dict[str, Estimate], artifacts: list[Path]
) -> str:
    """The id of the run of a cross-validation, with the run of each fold under it; it is found again by its key.

    A fold's run is the one that its training opened; where DVC brought the training back from elsewhere, a new one.

    Args:
        key: Of all folds.
        title: Name of the parent.
        folds: Name of each fold to its record.
        estimates: Over all folds.
        artifacts: Files to log.
    """
    first = next(iter(folds.values()))
    with open_store() as (client, experiments):
        bring_left()
        sweep(client, experiments)
        experiment = open_experiment(client, dataset_of(first.params))
        known = find(client, experiments, CROSS_VALIDATION, key)
        parent = str(known[0].info.run_id) if known else create_parent(client, experiment, CROSS_VALIDATION, key, title)
        if not client.get_run(parent).data.params:
            log_params(client, parent, headline_parameters(first.params, {}))
        for name, fold in folds.items():
            runs = [run for run in find(client, experiments, KEY, fold.training_key) if run.info.status == "FINISHED"]
            run_id = (
                str(runs[0].info.run_id) if runs else create_parent(client, experiment, KEY, fold.training_key, name)
            )
            if not runs:
                log_params(client, run_id, headline_parameters(fold.params, {}))
            client.set_tag(run_id, PARENT, parent)
            client.set_tag(run_id, "mlflow.runName", name)
            client.set_tag(run_id, CROSS_VALIDATION_FOLD, name)
            log_estimates(client, run_id, {TEST: fold.estimates})
        log_estimates(client, parent, {CROSS_VALIDATED: estimates})
        for path in artifacts:
            client.log_artifact(parent, str(path))
    return parent


def study_run(key: str, name: str, params: Params) -> str:
    """The id of the one run of a search, under which its trials stand; those whose process is gone are closed."""
    with open_store() as (client, experiments):
        bring_left()
        sweep(client, experiments)
        known = find(client, experiments, STUDY, key)
        if known:
            parent = str(known[0].info.run_id)
        else:
            dataset = dataset_of(params)
            title = f"{name}{SEPARATOR}{dataset}" if dataset else name
            parent = create_parent(client, open_experiment(client, dataset), STUDY, key, title)
        if not client.get_run(parent).data.params:
            log_params(client, parent, headline_parameters(params, {}))
    return parent


@contextmanager
def trial_run(parent: str, name: int | str, params: Params) -> Iterator[Log]:
    """A run under its parent, of that number or name; gives what logs the figures of an epoch.

    It is marked as killed, with the reason, where the block ends early.
    """
    tags = {PARENT: parent, TRIAL: str(name), "mlflow.source.name": "colibri tune"}
    values = as_parameters({short_key(key): text for key, text in flatten(params) if key})
    with record_run(trial_name(name, params), tags, values, failed="KILLED") as journal:
        yield lambda epoch, figures: journal.log(epoch, epoch_figures(figures))


def finish(run_id: str, figures: Mapping[str, float], artifacts: list[Path]) -> None:
    """Figures and files of a parent that is complete."""
    with open_store() as (client, _):
        log_figures(client, run_id, figures)
        for path in artifacts:
            client.log_artifact(run_id, str(path))


def create_parent(client: MlflowClient, experiment: str, tag: str, value: str, name: str) -> str:
    """The id of a new run with a tag of this value by which it is found again; it is finished at once."""
    tags = {tag: value, "mlflow.source.name": "colibri", "mlflow.source.git.commit": commit()}
    created = client.create_run(experiment, run_name=name, tags={key: text for key, text in tags.items() if text})
    client.set_terminated(created.info.run_id)
    return str(created.info.run_id)
