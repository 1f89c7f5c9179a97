"""The recorded split of each sample, and the warnings about a new split."""

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
from pipeline.core.manifest_schema import SPLITS

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

LOCK = Path("dvc.lock")


def split_warnings(splits: pd.DataFrame, differs: bool) -> Iterator[str]:
    """The warnings about a split, one line each.

    Args:
        splits: As written.
        differs: Whether the lock file records another split by the same options that `data/assignments` does not hold.
    """
    if differs:
        yield (
            "dvc.lock records another split by these options, and data/assignments does not hold it: samples may have "
            "moved between train and test, and figures are not comparable with earlier ones. Run dvc pull, or copy "
            "that folder from where the split was made, then run dvc repro -f -s split"
        )
    sizes = splits.loc[splits["split"].isin(SPLITS), "group"].value_counts()
    num_test = int((splits["split"] == "test").sum())
    large = int((sizes > num_test).sum())
    if large:
        yield (
            f"{large:,} of {len(sizes):,} groups {'holds' if large == 1 else 'hold'} more samples than the whole test "
            f"split ({num_test:,}), so test has smaller groups only; raise split.fractions.test, give smaller groups, "
            "or read the cross-validated figures of the report, which cover every group"
        )


def other_split_recorded(params: Params) -> bool:
    """Whether DVC's lock file records a split by the same options that differs from the one written now."""
    try:
        recorded = yaml.safe_load(LOCK.read_text(encoding="utf-8"))["stages"]["split"]
        chosen = recorded["params"]["params.yaml"]
        digest = next(out["md5"] for out in recorded["outs"] if out["path"] == artifacts.SPLITS.as_posix())
        same = all(chosen[key] == config.get_section(params, key) for key in ("source", "split"))
    except (OSError, KeyError, TypeError, AttributeError, StopIteration, UnicodeDecodeError, yaml.YAMLError):
        return False
    return bool(same and digest != hashlib.md5(artifacts.SPLITS.read_bytes(), usedforsecurity=False).hexdigest())


def assignment_path(options: Params, source: Source) -> Path:
    """The file that records the assignment of this data set by these options, independent of file and code paths.

    DVC does not delete the folder (`persist`). Each choice of options has its file, so another split loses nothing.
    """
    chosen = {"split": {**options, "_target_": options["_target_"].rpartition(".")[2]}, "source": _identify(source)}
    return artifacts.ASSIGNMENTS / f"{artifacts.content_digest(artifacts.canonical_json(chosen))}.parquet"


def _identify(source: Any) -> dict[str, Any]:
    """The choices of a source, and of a source within it, that identify the data set: all but its `locations`."""
    names = [field.name for field in dataclasses.fields(source) if field.name not in source.locations]
    values = {name: getattr(source, name) for name in names}
    inner = {name: _identify(value) for name, value in values.items() if isinstance(value, Source)}
    return {"class": type(source).__name__, **values, **inner}


def with_absent(splits: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    """The assignment, and below it the recorded samples that are absent now, since they may come back."""
    if before is None:
        return splits
    absent = before[~before["sample_id"].isin(splits["sample_id"])]
    return pd.concat([splits, absent], ignore_index=True)
