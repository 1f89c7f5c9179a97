"""Choices that do not fit one another, or that a constructor refuses: found in the first stage, not after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.core import config, nouns
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
        UserError: Naming the key, and what to do.
    """
    built = {key: _build(params, key) for key in LATE if key in params}
    exclusive: bool = import_target(config.get_section(params, "task").get("_target_"), "task", "task").exclusive
    refuse_unfit({f"metric.{name}": one for name, one in built.get("metric", {}).items()}, exclusive)
    of_gate = {f"gate.{name}": one for name, one in vars(built["gate"]).items()} if "gate" in built else {}
    refuse_unfit({key: one for key, one in of_gate.items() if isinstance(one, Metric)}, exclusive)
    _check_sizes(params)


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


def _check_sizes(params: Params) -> None:
    """Refuses sizes that differ from `image_size`, and whole pictures of which the network would see a part."""
    augment = _check_mapping("augment", config.get_section(params, "augment"))
    _check_same_size(params, "", ("augment", "transform", "encoder"))
    if "embed" in params:
        _check_same_size(_check_mapping("embed", params["embed"]), "embed.", ("transform", "encoder"))
    if augment.get("margin") and augment.get("fit") in ("pad", "stretch"):
        raise UserError(
            f"params.yaml: augment.fit {augment['fit']} keeps the whole picture, and the network takes the middle: it "
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
        UserError: Naming it.
    """
    for key, metric in metrics.items():
        if metric.exclusive and not exclusive:
            raise UserError(
                f"params.yaml: {key} is for one label per picture, and this task allows several, where deciding for "
                "every label would reach 1; choose others, as experiment=multi_label does"
            )
