"""How the figures of a run are called in MLflow, and what of them is a metric and what a row of a table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.manifest_schema import SPLITS
from pipeline.tracking.journal import log_figures

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

    from pipeline.core.estimate import Estimate

INTERVAL, INTERVALS = ("value", "low", "high", "n", "groups", "caveat"), "evaluation/intervals.json"
TEST, VAL = "final_test", "final_val"  # of the finished model; MLflow sorts by name, so they come before all others
ROBUSTNESS = "robustness"  # relative changes of the accuracy under corruptions
PER_CLASS, FROZEN = "per_class/", "frozen_features/"
INTERVENTIONS = "interventions"  # of the test pictures with a changed property, as property/intervention/figure
EXPLANATIONS = "maps"  # of attribution: their dependence on what was learned, and the border
CROSS = "cross/"  # as pipeline/evaluation/margin_text.py has it, whose texts must not be part of the code of train
OF_STAGES = (INTERVENTIONS, EXPLANATIONS)  # whose figures stand under the name of the stage, also those with a /
MAX_CLASSES = 20  # of more classes only the table holds the figures


def metric_name(name: str) -> str:
    """A name that MLflow accepts, whatever the class is called.

    A name that had to be changed ends with a digest of itself, so that two classes never share a metric.
    """
    parts = re.sub(r"[^\w\-. /:]", "_", name)[:200].split("/")
    accepted = "/".join(part if part.strip(".") else "_" for part in parts)  # MLflow refuses a//b, a/. and a/..
    return name if accepted == name else f"{accepted} {artifacts.content_digest(name.encode())[:8]}"


def metric_group(name: str) -> str:
    """train_loss as train/loss, so that the UI groups curves."""
    group, _, rest = name.partition("_")
    return f"{group}/{rest}" if group in SPLITS else f"train/{name}"


def epoch_figures(figures: dict[str, float]) -> dict[str, float]:
    """The figures of an epoch under the names that they have in MLflow.

    Metrics on val come first: MLflow's page that compares runs opens with the metric that was logged first.
    """
    ordered = sorted(figures, key=lambda name: not name.startswith("val_") or name == "val_loss")
    return {metric_group(name): figures[name] for name in ordered if name != "epoch"}


def read_epochs(curves: pd.DataFrame) -> Iterator[tuple[int, dict[str, float]]]:
    """The number of each epoch and its figures, of a table like `reports/train.csv`."""
    for row in curves.to_dict("records"):
        figures = {str(name): float(value) for name, value in row.items()}
        yield int(figures.pop("epoch")), figures


def log_pretraining(client: MlflowClient, run_id: str, curves: pd.DataFrame) -> None:
    """The figures of each epoch of `reports/pretrain.csv`, as `pretrain/loss` and so on."""
    for step, figures in read_epochs(curves):
        log_figures(client, run_id, {f"pretrain/{name}": value for name, value in figures.items()}, step)


def log_estimates(client: MlflowClient, run_id: str, metrics: dict[str, dict[str, Estimate]]) -> None:
    """Each figure as a metric; its interval, groups and caveat in a table: as metrics they would hide the others."""
    rows, measured = [], {}
    for split, figures in metrics.items():
        classes = {name.partition("/")[2] for name in figures if "/" in name and not name.startswith(CROSS)}
        for name, figure in figures.items():
            rows.append([f"{split}/{name}", *(getattr(figure, column) for column in INTERVAL)])
            is_of_class = "/" in name and not name.startswith(CROSS) and split not in OF_STAGES
            if figure.value is not None and not (is_of_class and len(classes) > MAX_CLASSES):
                measured[_place(split, name)] = figure.value
    log_figures(client, run_id, measured)
    client.log_dict(run_id, {"columns": ["metric", *INTERVAL], "data": rows}, INTERVALS)
    client.set_tag(run_id, "mlflow.loggedArtifacts", json.dumps([{"path": INTERVALS, "type": "table"}]))


def _place(split: str, name: str) -> str:
    """The metric of a figure; those of single classes and of frozen features stand apart from the model's own."""
    if split in OF_STAGES:
        return f"{split}/{metric_name(name)}"
    if name.startswith(CROSS):
        return FROZEN + metric_name(name.removeprefix(CROSS))
    if "/" in name:
        return PER_CLASS + metric_name(name)
    return f"{split}/{metric_name(name)}"
