"""Two runs side by side: what differs between them, and each metric with the paired interval of its difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.core import artifacts, config
from pipeline.core.composition_errors import refuse_missing
from pipeline.core.errors import UserError
from pipeline.core.predictions import Predictions
from pipeline.evaluation.paired_comparison import PairedPredictions
from pipeline.evaluation.part_comparison import PartChange, compare_parts
from pipeline.experiments.recorded_run import check_run_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pipeline.core.estimate import Change
    from pipeline.core.evaluation_contracts import Metric
    from pipeline.core.open_types import JsonObject, Params
    from pipeline.evaluation.split_evaluation import Options

WORKSPACE = "workspace"  # DVC's word for the files as they are
PARTS = ("val", "test")
ABSENT = "(none)"


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedRun:
    """What is compared of one run.

    Attributes:
        name: As the person gave it: an experiment, a commit, a tag, or `workspace`; of a version its full name.
        params: All parameters.
        card: Of the predictor.
        parts: `val` and `test` to the predictions on them; a part without samples is left out.
        rows: The same parts to their rows of `data/predictions.parquet`.
        num_bytes: Of the predictor on disk.
    """

    name: str
    params: Params
    card: JsonObject
    parts: dict[str, Predictions]
    rows: dict[str, pd.DataFrame]
    num_bytes: int


def read_run(name: str) -> ComparedRun:
    """A run as its commit and DVC's cache hold it, as the workspace does, or as MLflow keeps a registered version.

    Args:
        name: What DVC takes as a revision (an experiment, a branch, a tag, a commit), or `workspace`; else a version as
            `model_choice.find_version` takes it. What begins with `models:/` is always a version.

    Raises:
        UserError: There is no project, no such run, or its outputs are in none of these places.
    """
    refuse_missing(Path("dvc.yaml"))
    is_uri = name.startswith("models:/")
    if not is_uri:
        check_run_name(name)
    found = None if is_uri else _read_revision(name)
    if found is not None:
        return found
    from pipeline.tracking.model_choice import is_reference
    from pipeline.tracking.version_record import read_version

    if not is_reference(name):
        raise UserError(
            f"there is no run {name!r}; expected an experiment (dvc exp list -A), a commit, a tag, {WORKSPACE}, or a "
            "registered version such as 3, @champion or models:/NAME/3"
        )
    version = read_version(name)
    return _build(version.name, version.params, version.card, version.predictions, version.num_bytes)


def _read_revision(name: str) -> ComparedRun | None:
    """A run by DVC's name of it; None where DVC knows none."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.scm import RevError

    try:
        system = DVCFileSystem(repo=".", rev=None if name == WORKSPACE else name)
        params = yaml.safe_load(system.read_text(config.PARAMS.as_posix(), encoding="utf-8"))
        with system.open(artifacts.PREDICTIONS.as_posix(), "rb") as file:
            predictions = file.read()
        card = yaml.safe_load(system.read_text((artifacts.PREDICTOR / "card.json").as_posix(), encoding="utf-8"))
        num_bytes = int(system.du(artifacts.PREDICTOR.as_posix(), total=True))
    except RevError:
        return None
    except (DvcException, OSError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{name}: its outputs are not in DVC's cache ({reason}); dvc pull may have them") from None
    return _build(name, params, card, predictions, num_bytes)


def _build(name: str, params: Params, card: JsonObject, predictions: bytes, num_bytes: int) -> ComparedRun:
    classes, table = _read_predictions(predictions)
    found = {part: table[table["split"] == part].reset_index(drop=True) for part in PARTS}
    return ComparedRun(
        name=name,
        params=params,
        card=card,
        parts={part: Predictions.of(rows, classes) for part, rows in found.items() if len(rows)},
        rows={part: rows for part, rows in found.items() if len(rows)},
        num_bytes=num_bytes,
    )


def _read_predictions(content: bytes) -> tuple[list[str], pd.DataFrame]:
    """The classes and the table in the bytes of `data/predictions.parquet`."""
    import io
    import json

    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(content))
    return list(json.loads((table.schema.metadata or {})[b"colibri"])["classes"]), table.to_pandas()


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedPart:
    """Val or test of two runs.

    Attributes:
        pairs: Both on the samples that they share.
        changes: Each metric of both on these, paired over groups.
        by_part: All samples, then each class and each slice.
    """

    pairs: PairedPredictions
    changes: dict[str, Change]
    by_part: list[PartChange]


def compare_runs(
    before: ComparedRun,
    after: ComparedRun,
    metrics: Mapping[str, Metric],
    options: Options,
    parts: Sequence[str] = PARTS,
) -> dict[str, ComparedPart]:
    """`val` and `test` to both runs on the samples that they share.

    Args:
        before: The run to compare with.
        after: The other one; a positive gain means that this one is better.
        metrics: Name to a metric of one number for all classes.
        options: Behind each interval, and how large a class or slice must be.
        parts: Those that are read.

    Raises:
        UserError: They have other classes, or no sample in common.
    """
    classes = [next(iter(run.parts.values())).classes if run.parts else [] for run in (before, after)]
    if classes[0] != classes[1]:
        raise UserError(
            f"{before.name} and {after.name} have other classes ({_join(classes[0])}; {_join(classes[1])}); only runs "
            "with the same classes can be compared"
        )
    result = {}
    for part in parts:
        if part in before.parts and part in after.parts:
            pairs = PairedPredictions.match(after.parts[part], before.parts[part])
            if pairs is not None:
                result[part] = ComparedPart(
                    pairs=pairs,
                    changes=pairs.paired_differences(dict(metrics), options.bootstrap),
                    by_part=compare_parts(pairs, after.rows[part], options.bootstrap, options.min_slice),
                )
    if not result:
        raise UserError(
            f"{before.name} and {after.name} have no picture of {' or '.join(parts)} in common, so they cannot be "
            "compared"
        )
    return result


def _join(classes: Sequence[str], most: int = 5) -> str:
    return ", ".join(classes[:most]) + (f" and {len(classes) - most} more" if len(classes) > most else "")


def list_differences(before: Params, after: Params) -> dict[str, tuple[str, str]]:
    """Each parameter that differs, as a dotted key, with both values as text."""
    first, second = dict(_flatten(before)), dict(_flatten(after))
    keys = [*first, *(key for key in second if key not in first)]
    return {key: (first.get(key, ABSENT), second.get(key, ABSENT)) for key in keys if first.get(key) != second.get(key)}


def _flatten(node: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _flatten(value, f"{prefix}.{key}" if prefix else str(key))
        return
    text = "null" if node is None else str(node).lower() if isinstance(node, bool) else str(node)
    yield prefix, text.rpartition(".")[2] if prefix.endswith("_target_") else text
