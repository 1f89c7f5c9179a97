"""Which split each sample was assigned to before, and what a person should know of a new split."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from pipeline.core import artifacts, config
from pipeline.core.contracts import Source

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

LOCK = Path("dvc.lock")


def split_warnings(splits: pd.DataFrame, differs: bool) -> Iterator[str]:
    """What a person should know of the split, a line each.

    Args:
        splits: As written.
        differs: Whether the lock file tells of another split by the same options, which nothing here remembers.
    """
    if differs:
        yield (
            "dvc.lock records another split by these options, and data/assignments does not hold it: samples may have "
            "moved between train and test, and figures are not comparable with earlier ones. Say dvc pull, or copy "
            "that folder from where the split was made, then dvc repro -f -s split"
        )
    sizes = splits.loc[splits["split"] != "none", "group"].value_counts()
    num_test = int((splits["split"] == "test").sum())
    large = int((sizes > num_test).sum())
    if large:
        yield (
            f"{large:,} of {len(sizes):,} groups hold more samples than the whole test split ({num_test:,}), which "
            "speaks of the smaller groups alone; raise split.fractions.test, tell smaller groups, or read the "
            "cross-validated figures of the report, which judge every group"
        )


def other_split_recorded(params: Params) -> bool:
    """Whether the lock file of DVC tells of a split by the same options that differs from the one written now."""
    try:
        recorded = yaml.safe_load(LOCK.read_text(encoding="utf-8"))["stages"]["split"]
        chosen = recorded["params"]["params.yaml"]
        digest = next(out["md5"] for out in recorded["outs"] if out["path"] == artifacts.SPLITS.as_posix())
        same = all(chosen[key] == config.get_section(params, key) for key in ("source", "split"))
    except (OSError, KeyError, TypeError, AttributeError, StopIteration, UnicodeDecodeError, yaml.YAMLError):
        return False
    return bool(same and digest != hashlib.md5(artifacts.SPLITS.read_bytes(), usedforsecurity=False).hexdigest())


def assignment_path(options: Params, source: Source) -> Path:
    """Where the assignment by these options of this data set is kept, wherever its files and this code lie now.

    DVC keeps the folder (`persist`), and one file per choice, so that trying another split loses nothing.
    """
    chosen = {"split": {**options, "_target_": options["_target_"].rpartition(".")[2]}, "source": _identify(source)}
    return artifacts.ASSIGNMENTS / f"{artifacts.content_digest(artifacts.canonical_json(chosen))}.parquet"


def _identify(source: Any) -> dict[str, Any]:
    """The choices of a source, and of the one within it, that say which data set it is: all but its `locations`."""
    names = [field.name for field in dataclasses.fields(source) if field.name not in source.locations]
    values = {name: getattr(source, name) for name in names}
    inner = {name: _identify(value) for name, value in values.items() if isinstance(value, Source)}
    return {"class": type(source).__name__, **values, **inner}


def with_absent(splits: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    """The assignment with those earlier samples that are absent now, which may come back."""
    if before is None:
        return splits
    absent = before[~before["sample_id"].isin(splits["sample_id"])]
    return pd.concat([splits, absent], ignore_index=True)
