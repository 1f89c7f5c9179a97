"""Refuses what compares with labels where the task has none, and what is for clusters where it has labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.core import config
from pipeline.core.choices import is_supervised
from pipeline.core.errors import UserError
from pipeline.evaluation.figures import build_gates

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

REMEDY = "experiment=clusters sets all that task=clusters needs"
TO_LABELS = (
    "set task=clusters, or for labels leave experiment=clusters out: colibri init PATH --name NAME --format unlabelled "
    "--force writes settings for the labels that people gave (docs/labelling.md)"
)
EMPTY = ("metric", "corruption", "intervention")  # groups of what is measured against labels
OPTIONS = {  # the module of the one option that needs no label
    "aim": "as_trained",
    "attribution": "none",
    "sampling": "shuffled",
    "risk": "mean",
    "mix": "unmixed",
}
VALUES = {  # section and key to the one value that needs no label
    ("policy", "calibration"): "none",
    ("policy", "sets"): "none",
    ("augment", "min_class_share"): None,
}


def refuse_needless(params: Params) -> None:
    """Refuses choices that do not fit a task with labels, or one without.

    Raises:
        UserError: The message names the key and the remedy.
    """
    has_labels = is_supervised(params)
    for name, gate in build_gates(params).items():
        if gate.for_labels is not None and gate.for_labels != has_labels:
            needs = (
                f"labels, which task=clusters does not have; {REMEDY}" if gate.for_labels else f"clusters; {TO_LABELS}"
            )
            raise UserError(f"params.yaml: gate.{name} compares {needs}")
    if not has_labels:
        _refuse_labels(params)


def _refuse_labels(params: Params) -> None:
    for group in EMPTY:
        names = [name for name, node in (params.get(group) or {}).items() if node is not None]
        if names:
            raise UserError(
                f"params.yaml: {group}.{names[0]} is measured against labels, which task=clusters does not have; set "
                f"{group}=[] ({REMEDY})"
            )
    for group, option in OPTIONS.items():
        target = str(config.get_section(params, group).get("_target_"))
        if target.split(".")[-2:-1] != [option]:
            raise UserError(f"params.yaml: {group} needs labels, which task=clusters does not have; {REMEDY}")
    for (section, key), value in VALUES.items():
        found = config.get_section(params, section).get(key)
        if found != value:
            shown = "null" if value is None else value
            raise UserError(
                f"params.yaml: {section}.{key} {found} needs labels, which task=clusters does not have; set "
                f"{section}.{key}={shown} ({REMEDY})"
            )
    if config.get_section(params, "policy").get("abstain") == "sets":
        raise UserError(
            "params.yaml: policy.abstain sets needs prediction sets, and so labels, which task=clusters does not have; "
            "set policy.abstain=confidence or never"
        )
    if params.get("imbalance", "none") != "none":
        raise UserError(f"params.yaml: imbalance is about unequal classes, and task=clusters has none; {REMEDY}")
    if params.get("objective", {}).get("positives") == "class":
        raise UserError(
            "params.yaml: objective.positives class pretrains by labels, at which task=clusters must not look; set "
            "objective.positives=view"
        )
