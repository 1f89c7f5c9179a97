"""The comparison of `colibri label-efficiency` in MLflow: a run for each kind of features, under one parent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.tracking.connection import PARENT, find, open_store
from pipeline.tracking.experiments import dataset_of, open_experiment
from pipeline.tracking.figures import log_estimates
from pipeline.tracking.journal import bring_left, log_figures, log_params
from pipeline.tracking.owners import sweep
from pipeline.tracking.parameters import headline_parameters
from pipeline.tracking.parent_runs import create_parent
from pipeline.tracking.run_names import SEPARATOR

if TYPE_CHECKING:
    from pipeline.core.estimate import Estimate
    from pipeline.core.open_types import Params

COMPARISON, KIND = "colibri.label_efficiency", "colibri.features"  # tags of the parent and of the runs under it
CURVE = "labels/"  # begins the names of figures whose step is the number of labels


def label_efficiency_run(
    key: str,
    params: Params,
    curves: Mapping[str, Mapping[int, Mapping[str, float]]],
    gains: Mapping[str, Mapping[str, Estimate]],
    artifacts: list[Path],
) -> str:
    """The id of the parent; it is found again by its key and brought up to date, and so are runs that a killed
    process left incomplete.

    The step of a figure is the number of labels, so that MLflow's page that compares the runs draws the curves.

    Args:
        key: Of data, encoder and choices.
        params: All parameters.
        curves: Words of each kind of features to labels in all to metric to figure on val.
        gains: Group of figures to name to paired difference.
        artifacts: Files to log with the parent.
    """
    with open_store() as (client, experiments):
        bring_left()
        sweep(client, experiments)
        dataset = dataset_of(params)
        experiment = open_experiment(client, dataset)
        known = find(client, experiments, COMPARISON, key)
        title = SEPARATOR.join(part for part in ("label efficiency", dataset, key[:6]) if part)
        parent = str(known[0].info.run_id) if known else create_parent(client, experiment, COMPARISON, key, title)
        for words, points in curves.items():
            runs = find(client, experiments, KIND, f"{key} {words}")
            run = str(runs[0].info.run_id) if runs else create_parent(client, experiment, KIND, f"{key} {words}", words)
            if not runs or runs[0].data.tags.get(PARENT) != parent:
                log_params(client, run, headline_parameters(params, {}))
                for number, figures in points.items():
                    log_figures(client, run, {f"{CURVE}{name}": one for name, one in figures.items()}, number)
                client.set_tag(run, PARENT, parent)  # at the end: a run without it is incomplete
        if not client.get_run(parent).data.params:
            log_params(client, parent, headline_parameters(params, {}))
        log_estimates(client, parent, {group: dict(found) for group, found in gains.items()})
        for path in artifacts:
            client.log_artifact(parent, str(path))
    return parent
