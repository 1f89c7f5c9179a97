"""The manifest to train, val and test; what was assigned before under the same options keeps its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core import config, files, stage
from pipeline.core.contracts import Split
from pipeline.core.errors import UserError
from pipeline.core.grouping import with_twins
from pipeline.core.labels import without_negatives
from pipeline.core.nouns import locate


def main() -> None:
    params = config.load_params()
    options = config.section(params, "split")
    split: Split = config.build(options, "split")
    manifest = with_twins(files.read_table(files.MANIFEST), files.read_table(files.TWINS))
    if locate(config.section(params, "task")["_target_"], "task", "task").exclusive:
        manifest = without_negatives(manifest)
    record = record_of(options, config.section(params, "source"))
    before = files.read_table(record) if record.exists() else None
    splits = split(manifest, before)
    missing = sorted({"train", "val", "test"} - set(splits["split"]))
    if missing:
        raise UserError(
            f"no sample is left for {', '.join(missing)}: {len(splits)} samples in {splits['group'].nunique()} groups; "
            "add samples or change split.fractions"
        )
    files.write_table(record, remembered(splits, before))
    files.write_table(files.SPLITS, splits)


def record_of(options: dict[str, Any], source: dict[str, Any]) -> Path:
    """Where the assignment by these options of this data set is kept, wherever its pictures lie now.

    DVC keeps the folder (`persist`), and one file per choice, so that trying another split loses nothing.
    """
    chosen = {"split": options, "source": _without_places(source)}
    return files.ASSIGNMENTS / f"{files.digest(files.canonical(chosen))}.parquet"


def _without_places(source: dict[str, Any]) -> dict[str, Any]:
    """The choices of a source, and of the one within it, that say what its samples are, not where."""
    places = ("path", "watch", "pictures", "url", "tree", "root")
    return {
        key: _without_places(value) if isinstance(value, dict) else value
        for key, value in source.items()
        if key not in places
    }


def remembered(splits: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    """The assignment with those earlier samples that are absent now, which may come back."""
    if before is None:
        return splits
    absent = before[~before["sample_id"].isin(splits["sample_id"])]
    return pd.concat([splits, absent], ignore_index=True)


if __name__ == "__main__":
    stage.run("split", main)
