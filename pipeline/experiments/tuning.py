"""What a search of conf/tune/ begins with, and its winner as an experiment of conf/."""

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
from pipeline.experiments.space import Pruning, Range, Search, with_values
from pipeline.experiments.trial import EXPECTED
from pipeline.training.recipe import SECTIONS

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

MADE_OF = ("ingest", "find_duplicates", "split", "augment")  # stages whose choices data/packed rests on
MARK = "# Found by colibri tune"


def read(name: str, experiment: str | None, trials: int | None) -> tuple[Search, Params]:
    """The search of `conf/tune/NAME.yaml`, and all parameters it starts from.

    Args:
        name: Of the file.
        experiment: Instead of the file's.
        trials: Instead of the file's.

    Raises:
        UserError: There is no such file, a value in it is refused, or a parameter of its space does not exist.
    """
    folder = config.CONF / "tune"
    there = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in there:
        raise UserError(f"{folder / name}.yaml does not exist; there is {', '.join(there) or 'none yet'}")
    node = yaml.safe_load(config.compose(overrides=[f"tune={name}"]))["tune"]
    node |= {key: value for key, value in (("experiment", experiment), ("trials", trials)) if value is not None}
    if not isinstance(node.get("space"), dict):
        raise UserError(
            f"{folder / name}.yaml: space must be a mapping of dotted parameters, found {node.get('space')!r}"
        )
    space = {key: config.instantiate(Range, one, f"tune.space.{key}") for key, one in node["space"].items()}
    pruning = node.get("pruning") and config.instantiate(Pruning, node["pruning"], "tune.pruning")
    search: Search = config.instantiate(Search, {**node, "space": space, "pruning": pruning}, "tune")
    params: Params = yaml.safe_load(config.compose(overrides=start_note(search)))
    with_values(nodes_of(params), dict.fromkeys(space))
    if search.expect not in params["metric"] or params["metric"][search.expect].get("averaging") == "none":
        raise UserError(
            f"tune.expect {search.expect!r} is no metric of one number; there is {', '.join(params['metric'])}"
        )
    return search, params


def start_note(search: Search) -> list[str]:
    """The overrides that the search begins with."""
    return [] if search.experiment is None else [f"experiment={search.experiment}"]


def nodes_of(params: Mapping[str, Any]) -> Params:
    """What one training reads of the parameters."""
    return {name: params[name] for name in SECTIONS}


def check_packed(params: Mapping[str, Any], experiment: str | None) -> None:
    """Refuses arrays that were packed by other choices.

    Raises:
        UserError: `dvc.lock` has no `augment`, or other parameters than these.
    """
    again = f"dvc exp run -S experiment={experiment} augment" if experiment else "dvc repro augment"
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
    """Train and val: of all other rows the labels are gone, and no split names them."""
    index = packed.index.copy()
    others = ~index["split"].isin(["train", "val"])
    index["split"] = index["split"].mask(others, "none")
    index["labels"] = [[] if other else labels for labels, other in zip(index["labels"], others, strict=True)]
    return PackedDataset(packed.images, index, packed.card)


def study_key(search: Search, params: Mapping[str, Any]) -> str:
    """Of everything that the figures rest on but the code; how many trials is no part of it."""
    told = config.to_node(search)
    del told["trials"], told["_target_"]
    data = [path.read_bytes() for path in sorted(artifacts.PACKED.glob("*.*")) if path.suffix != ".npy"]
    return artifacts.content_digest(artifacts.canonical_json(told), artifacts.canonical_json(nodes_of(params)), *data)


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
        values: What it changed.
        evidence: Whether it is better than what the search began with.
    """
    expected = Estimate.from_json(best.user_attrs[EXPECTED])
    interval = "" if expected.interval is None else " [{:.3f}, {:.3f}]".format(*expected.interval)
    caveat = f" ({expected.caveat})" if expected.caveat else ""
    stopped = sum(REASON in trial.user_attrs for trial in trials)
    nested: Params = {}
    for key, value in values.items():
        *parents, last = key.split(".")
        inner = nested
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    val = f"on the {expected.n} pictures of val ({search.figure} {truncate_value(best.value)})"
    base = [] if search.experiment is None else ["defaults:", f"  - {search.experiment}", ""]
    return "\n".join(
        [
            "# @package _global_",
            f"{MARK} {name}: the best of {len(trials)} trials ({stopped} stopped early), seed {search.seed}.",
            f"#   dvc exp run -S experiment={to}",
            f"# Expect {search.expect} {expected.value:.3f}{interval} {val}{caveat};",
            "# on test a little less, since trial and epoch were chosen on val.",
            *(f"# {line}" for line in evidence.lines()),
            *base,
            yaml.safe_dump(nested, sort_keys=False).rstrip(),
            "",
        ]
    )


def write_winner(to: str, text: str, search: Search, values: Mapping[str, Any]) -> Path:
    """Writes the file and checks that it composes to what was tried; a file that does not is not left there."""
    file = destination(to)
    before = file.read_bytes() if file.exists() else None
    artifacts.write_text(file, text)
    overrides = [*start_note(search), *(f"{key}={_literal(value)}" for key, value in values.items())]
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
    """Where the winner goes.

    Raises:
        UserError: A file that somebody wrote stands there.
    """
    file = config.CONF / "experiment" / f"{to}.yaml"
    if file.exists() and MARK not in file.read_text(encoding="utf-8"):
        raise UserError(f"{file} was not written by colibri tune; choose another name with --to")
    return file


def _literal(value: Any) -> str:
    """A value as Hydra's command line takes it."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
