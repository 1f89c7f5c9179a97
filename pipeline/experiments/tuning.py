"""Reads a search of conf/tune/, and writes its winner as an experiment of conf/."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.datasets.packed import PackedDataset
from pipeline.experiments.evidence import Evidence
from pipeline.experiments.parameter_search import REASON, truncate_value
from pipeline.experiments.space import (
    Search,
    as_overrides,
    compose_nodes,
    get_value,
    refuse_fractions,
    select_nodes,
)
from pipeline.experiments.trial import EXPECTED

if TYPE_CHECKING:
    from pipeline.core.evaluation_contracts import Metric
    from pipeline.core.open_types import Params

MADE_OF = ("ingest", "find_duplicates", "split", "augment")  # stages whose choices data/packed rests on
MARK = "# Found by colibri tune"


def describe_file(name: str) -> str:
    """The file of a search, as messages name it."""
    return f"conf/tune/{name}.yaml"


def read(name: str, experiment: str | None, trials: int | None) -> tuple[Search, Params]:
    """The search of `conf/tune/NAME.yaml`, and all parameters it starts from.

    Args:
        name: Of the file.
        experiment: Instead of the file's.
        trials: Instead of the file's.

    Raises:
        UserError: There is no such file, a value in it is refused, or a parameter of its space does not exist.
    """
    node = config.compose_option("tune", name)
    node |= {key: value for key, value in (("experiment", experiment), ("trials", trials)) if value is not None}
    search: Search = config.instantiate(Search, node, describe_file(name))
    params: Params = yaml.safe_load(config.compose(overrides=config.select_experiment(search.experiment)))
    refuse_fractions(search, select_nodes(params))
    metrics = summary_metrics(params)
    if search.expect not in metrics:
        is_off = search.expect in params["metric"] and params["metric"][search.expect] is None
        what = "is switched off by null in metric" if is_off else "is not a metric with one number for all classes"
        raise UserError(f"tune.expect {search.expect!r} {what}; expected one of {', '.join(metrics) or 'none'}")
    return search, params


def summary_metrics(params: Params) -> dict[str, Metric]:
    """The metrics that are one number for all classes; those that are switched off are left out."""
    metrics: dict[str, Metric] = config.build_all(params, "metric")
    return {name: metric for name, metric in metrics.items() if not metric.per_class}


def check_packed(params: Mapping[str, Any], experiment: str | None) -> None:
    """Refuses arrays that were packed by other choices.

    Raises:
        UserError: `dvc.lock` has no `augment`, or other parameters than these.
    """
    again = f"dvc exp run -S experiment={experiment} pretrain" if experiment else "dvc repro pretrain"
    try:
        stages = yaml.safe_load(Path("dvc.lock").read_text(encoding="utf-8"))["stages"]
        recorded = {
            key: value for stage in MADE_OF for key, value in stages[stage]["params"][str(config.PARAMS)].items()
        }
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        raise UserError(f"{artifacts.PACKED} has not been made here; {again}") from None
    for key, value in recorded.items():
        now: Any = params
        for part in key.split("."):
            now = now.get(part) if isinstance(now, Mapping) else None
        if now != value:
            raise UserError(f"{artifacts.PACKED} was made with another {key} than this search starts from; {again}")


def drop_test(packed: PackedDataset) -> PackedDataset:
    """The samples with train and val alone: all other rows lose their labels and their split."""
    index = packed.index.copy()
    others = ~index["split"].isin(["train", "val"])
    index["split"] = index["split"].mask(others, "none")
    index["labels"] = [[] if other else labels for labels, other in zip(index["labels"], others, strict=True)]
    return PackedDataset(packed.images, index, packed.card)


def study_key(search: Search, params: Params) -> str:
    """Digest of everything that the figures depend on, except the code and the number of trials."""
    from pipeline.training.pretrained_encoder import encoder_digest

    node = config.to_node(search)
    del node["trials"], node["_target_"]
    data = [path.read_bytes() for path in sorted(artifacts.PACKED.glob("*.*")) if path.suffix != ".npy"]
    return artifacts.content_digest(
        artifacts.canonical_json(node),
        artifacts.canonical_json(select_nodes(params)),
        *filter(None, [encoder_digest()]),
        *data,
    )


def winner(
    name: str, to: str, search: Search, trials: list[Any], best: Any, values: Mapping[str, Any], evidence: Evidence
) -> str:
    """The text of the winner's file in conf/experiment/.

    Args:
        name: Of the search.
        to: Of the file.
        search: What was tried.
        trials: Those that ended.
        best: The best of them.
        values: The parameters that it changed.
        evidence: Whether it is better than the start of the search.
    """
    expected = Estimate.from_json(best.user_attrs[EXPECTED])
    interval = "" if expected.interval is None else " [{:.3f}, {:.3f}]".format(*expected.interval)
    caveat = f" ({expected.caveat})" if expected.caveat else ""
    stopped = sum(REASON in trial.user_attrs for trial in trials)
    val = f"on the {expected.n} pictures of val ({search.figure} {truncate_value(best.value)})"
    return "\n".join(
        [
            "# @package _global_",
            f"{MARK} {name}: the best of {len(trials)} trials ({stopped} stopped early), seed {search.seed}.",
            f"#   colibri run experiment={to}",
            f"# Expect {search.expect} {expected.value:.3f}{interval} {val}{caveat};",
            "# on test a little less, since trial and epoch were chosen on val.",
            *(f"# {line}" for line in evidence.lines()),
            yaml.safe_dump(_winner_node(search, values), sort_keys=False).rstrip(),
            "",
        ]
    )


def _winner_node(search: Search, values: Mapping[str, Any]) -> Params:
    """The winner's file as a mapping: options of groups among the defaults, values at their places."""
    overrides = config.select_experiment(search.experiment)
    nodes = compose_nodes([*overrides, *as_overrides(values)])
    defaults: list[Any] = [] if search.experiment is None else [search.experiment]
    nested: Params = {}
    for key, value in values.items():
        *parents, last = key.split(".")
        if not parents:
            defaults.append({f"override /{key}": yaml.safe_load(str(value))})
            continue
        inner = nested
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = get_value(nodes, key)
    return {"defaults": defaults, **nested} if defaults else nested


def write_winner(to: str, text: str, search: Search, values: Mapping[str, Any]) -> Path:
    """Writes the file and checks that it composes to what was tried; a file that does not is removed again."""
    file = destination(to)
    before = file.read_bytes() if file.exists() else None
    artifacts.write_text(file, text)
    overrides = [*config.select_experiment(search.experiment), *as_overrides(values)]
    try:
        same = yaml.safe_load(config.compose(overrides=[f"experiment={to}"])) == yaml.safe_load(
            config.compose(overrides=overrides)
        )
    except UserError:
        same = False
    if not same:
        if before is None:
            file.unlink()
        else:
            file.write_bytes(before)
        raise UserError(f"{file} would not compose to what was tried: {', '.join(overrides)}; set them by hand")
    return file


def destination(to: str) -> Path:
    """The file of the winner.

    Raises:
        UserError: The file exists and was not written by colibri tune.
    """
    file = config.CONF / "experiment" / f"{to}.yaml"
    if file.exists() and MARK not in file.read_text(encoding="utf-8"):
        raise UserError(f"{file} was not written by colibri tune; choose another name with --to")
    return file
