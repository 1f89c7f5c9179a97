"""Which split each sample was assigned to before, and what a person should know of a new split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import yaml

from pipeline.core import artifacts, config

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


def assignment_path(options: Params, source: Params) -> Path:
    """Where the assignment by these options of this data set is kept, wherever its pictures lie now.

    DVC keeps the folder (`persist`), and one file per choice, so that trying another split loses nothing.
    """
    chosen = {"split": options, "source": _without_places(source)}
    return artifacts.ASSIGNMENTS / f"{artifacts.content_digest(artifacts.canonical_json(chosen))}.parquet"


def _without_places(source: Params) -> Params:
    """The choices of a source, and of the one within it, that say what its samples are, not where."""
    places = ("path", "watch", "pictures", "url", "tree", "root")
    return {
        key: _without_places(value) if isinstance(value, dict) else value
        for key, value in source.items()
        if key not in places
    }


def with_absent(splits: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    """The assignment with those earlier samples that are absent now, which may come back."""
    if before is None:
        return splits
    absent = before[~before["sample_id"].isin(splits["sample_id"])]
    return pd.concat([splits, absent], ignore_index=True)
