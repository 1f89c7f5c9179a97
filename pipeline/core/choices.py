"""Choices that do not fit one another, or that a constructor refuses: found in the first stage, not after training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.core import config
from pipeline.core.contracts import Metric
from pipeline.core.errors import UserError
from pipeline.core.nouns import import_target

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

LATE = ("split", "check", "curate", "metric", "gate")  # built by later stages, and cheap to build
LISTS = ("check", "curate", "metric")


def check_choices(params: Params) -> None:
    """Builds what only later stages use, and compares the metrics with the task.

    Encoders, trainers and what else loads a network are left to the stage that uses them.

    Raises:
        UserError: Naming the key, and what to do.
    """
    built = {
        key: config.build_all(params, key) if key in LISTS else config.build(params[key], key)
        for key in LATE
        if params.get(key)
    }
    exclusive: bool = import_target(config.get_section(params, "task").get("_target_"), "task", "task").exclusive
    refuse_unfit({f"metric.{name}": one for name, one in built.get("metric", {}).items()}, exclusive)
    of_gate = {f"gate.{name}": one for name, one in vars(built["gate"]).items()} if "gate" in built else {}
    refuse_unfit({key: one for key, one in of_gate.items() if isinstance(one, Metric)}, exclusive)
    _check_sizes(config.get_section(params, "augment"), config.get_section(params, "transform"))


def _check_sizes(augment: Mapping[str, Any], transform: Mapping[str, Any]) -> None:
    """Refuses pictures stored smaller than the network takes them, and whole pictures of which it would see a part."""
    stored, seen, fit = augment.get("size"), transform.get("size"), augment.get("fit")
    if not isinstance(stored, int) or not isinstance(seen, int):
        return
    if stored < seen:
        raise UserError(
            f"params.yaml: augment.size {stored} is smaller than transform.size {seen}, which the network takes; raise "
            "augment.size or lower transform.size"
        )
    if stored > seen and fit in ("pad", "stretch"):
        raise UserError(
            f"params.yaml: augment.fit {fit} keeps the whole picture, and of its {stored} pixels (augment.size) the "
            f"network takes the central {seen} (transform.size); set augment.size={seen}, or augment.fit=crop"
        )


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
