"""Choices that do not fit one another, or that a constructor refuses: found in the first stage, not after training."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.core import config, nouns
from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import Metric
from pipeline.core.nouns import import_target

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

# built by later stages, and cheap to build
LATE = ("split", "check", "curate", "sampling", "intervention", "attribution", "metric", "corruption")


def check_choices(params: Params) -> None:
    """Builds what only later stages use, and compares the metrics with the task.

    Encoders, trainers and what else loads a network are left to the stage that uses them.

    Raises:
        UserError: A choice does not fit; the message names its key and the remedy.
    """
    built = {key: _build(params, key) for key in LATE if key in params}
    refuse_unfit({f"metric.{name}": one for name, one in built.get("metric", {}).items()}, is_exclusive(params))
    _check_sizes(params)


def is_exclusive(params: Params) -> bool:
    """Whether each sample has exactly one label, as the task says."""
    exclusive: bool = import_target(config.get_section(params, "task").get("_target_"), "task", "task").exclusive
    return exclusive


def is_supervised(params: Params) -> bool:
    """Whether labels say what is right, as the task says."""
    supervised: bool = import_target(config.get_section(params, "task").get("_target_"), "task", "task").supervised
    return supervised


def refuse_without_labels(params: Params, command: str) -> None:
    """Refuses a command that compares with labels where the task has none.

    Raises:
        UserError: The task has no labels.
    """
    if not is_supervised(params):
        raise UserError(
            f"colibri {command} compares by labels, which task=clusters does not have; colibri clusters says what "
            "the clusters found"
        )


def _build(params: Params, key: str) -> Any:
    if key in config.MAPPINGS:
        return config.build_all(params, key)
    try:
        return config.build(params[key], key)
    except UserError as error:
        remedy = params.get("imbalance")
        if key != "sampling" or not isinstance(remedy, str) or remedy == "none":
            raise
        raise UserError(f"{error}; imbalance={remedy} sets keys of sampling too: choose one of the two") from None


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
    augment = _check_mapping("augment", config.get_section(params, "augment"))
    _check_same_size(params, "", ("augment", "transform", "encoder"))
    if "embed" in params:
        _check_same_size(_check_mapping("embed", params["embed"]), "embed.", ("transform", "encoder"))
    if augment.get("margin") and augment.get("fit") in ("pad", "stretch"):
        raise UserError(
            f"params.yaml: augment.fit {augment['fit']} keeps the whole picture, but the network takes its middle: it "
            f"would not see the augment.margin of {augment['margin']}; set augment.margin=0, or augment.fit=crop"
        )


def _check_same_size(section: Params, place: str, keys: Sequence[str]) -> None:
    size = config.get_section(section, "image_size")
    for key in keys:
        other = _check_mapping(f"{place}{key}", config.get_section(section, key)).get("image_size", size)
        if other != size:
            raise UserError(
                f"params.yaml: {place}{key}.image_size {other} is not the {place}image_size {size}; "
                f"set {place}image_size={other}"
            )


def _check_mapping(key: str, node: Any) -> Params:
    if not isinstance(node, dict):
        raise UserError(f"params.yaml: {key} must be a mapping of parameters, found {nouns.show_value(node)}")
    return node


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
