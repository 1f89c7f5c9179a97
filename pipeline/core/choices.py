"""Choices that do not fit one another, or that a constructor refuses: found in the first stage, not after training."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pipeline.core import config
from pipeline.core.contracts import Metric
from pipeline.core.errors import UserError
from pipeline.core.nouns import import_target

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

LATE = ("split", "check", "curate", "sampling", "metric", "gate")  # built by later stages, and cheap to build


def check_choices(params: Params) -> None:
    """Builds what only later stages use, and compares the metrics with the task.

    Encoders, trainers and what else loads a network are left to the stage that uses them.

    Raises:
        UserError: A choice does not fit; the message names its key and the remedy.
    """
    built = {
        key: config.build_all(params, key) if key in config.MAPPINGS else config.build(params[key], key)
        for key in LATE
        if params.get(key)
    }
    exclusive: bool = import_target(config.get_section(params, "task").get("_target_"), "task", "task").exclusive
    refuse_unfit({f"metric.{name}": one for name, one in built.get("metric", {}).items()}, exclusive)
    of_gate = {f"gate.{name}": one for name, one in vars(built["gate"]).items()} if "gate" in built else {}
    refuse_unfit({key: one for key, one in of_gate.items() if isinstance(one, Metric)}, exclusive)
    _check_sizes(params)


def refuse_emptied(conf: Path = config.CONF) -> None:
    """Refuses an empty file of checks, augmentations or metrics: it composes to nothing, which nobody would notice.

    Raises:
        UserError: A file defines nothing.
    """
    for group in config.MAPPINGS:
        for path in sorted((conf / group).glob("*.yaml")):
            if not re.search(r"^\w+:", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE):
                raise UserError(
                    f"{path} defines nothing, so choosing {path.stem!r} has no effect; "
                    f"git checkout {path}, or delete the file and take its name out of conf/config.yaml"
                )


def refuse_unknown_names(params: Params, conf: Path = config.CONF) -> None:
    """Refuses to switch off a name that does not exist: the one that was meant would stay on, unnoticed.

    Raises:
        UserError: A name is switched off that no file of its group in conf/ has.
    """
    for group in config.MAPPINGS:
        nodes = params.get(group)
        switched_off = [name for name, node in nodes.items() if node is None] if isinstance(nodes, dict) else []
        known = set().union(*map(_names_in, (conf / group).glob("*.yaml"))) if switched_off else set()
        if unknown := sorted(set(switched_off) - known):
            raise UserError(
                f"{config.PARAMS}: {group}.{unknown[0]} is null, which switches it off, and {conf / group}/ has no "
                f"{unknown[0]!r}; expected one of {', '.join(sorted(known))}"
            )


def _names_in(path: Path) -> set[str]:
    return set(yaml.safe_load(path.read_text(encoding="utf-8")) or {}) - {"defaults"}


def _check_sizes(params: Params) -> None:
    """Refuses sizes that differ from `image_size`, and whole pictures of which the network would see a part."""
    size = config.get_section(params, "image_size")
    for key in ("augment", "transform", "encoder"):
        other = config.get_section(params, key).get("image_size", size)
        if other != size:
            raise UserError(
                f"params.yaml: {key}.image_size {other} is not the image_size {size}; set image_size={other}"
            )
    augment = config.get_section(params, "augment")
    if augment.get("margin") and augment.get("fit") in ("pad", "stretch"):
        raise UserError(
            f"params.yaml: augment.fit {augment['fit']} keeps the whole picture, but the network takes its middle: it "
            f"would not see the augment.margin of {augment['margin']}; set augment.margin=0, or augment.fit=crop"
        )


def refuse_unfit(metrics: Mapping[str, Metric], exclusive: bool) -> None:
    """Refuses a metric for one label per sample where there may be several.

    Args:
        metrics: Key to metric.
        exclusive: Whether each sample has exactly one label, as the task says.

    Raises:
        UserError: A metric does not fit; the message names it.
    """
    for key, metric in metrics.items():
        if metric.exclusive and not exclusive:
            raise UserError(
                f"params.yaml: {key} is for one label per picture, but this task allows several: a model that predicts "
                "every label would score 1; choose other metrics, as experiment=multi_label does"
            )
