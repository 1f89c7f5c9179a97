"""The manifest to train, val and test; what was assigned before under the same options keeps its place."""

from __future__ import annotations

import pandas as pd

from pipeline.core import config, files, stage
from pipeline.core.contracts import Split
from pipeline.core.errors import UserError


def main() -> None:
    params = config.load_params()
    options = config.section(params, "split")
    split: Split = config.build(options, "split")
    manifest = files.read_table(files.MANIFEST)
    identity = {"split": options, "source": config.section(params, "source")}
    splits = split(manifest, recorded(identity))
    missing = sorted({"train", "val", "test"} - set(splits["split"]))
    if missing:
        raise UserError(
            f"no sample is left for {', '.join(missing)}: {len(splits)} samples in {splits['group'].nunique()} groups; "
            "add samples or change split.fractions"
        )
    files.write_table(files.SPLITS, splits, metadata=identity)


def recorded(identity: dict[str, object]) -> pd.DataFrame | None:
    """The present assignment, when it was made by the same options from the same source (DVC keeps it: persist)."""
    if not files.SPLITS.exists() or files.read_metadata(files.SPLITS) != identity:
        return None
    return files.read_table(files.SPLITS)


if __name__ == "__main__":
    stage.run("split", main)
