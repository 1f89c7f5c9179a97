"""The rows of a source with what people decided on a data set of that name before."""

from __future__ import annotations

import pandas as pd

from pipeline.core.errors import ItemRejected
from pipeline.datasets.class_list import load_classes
from pipeline.datasets.label_decisions import load_decisions
from pipeline.datasets.label_review import apply_decisions


def with_decisions(rows: pd.DataFrame, name: str) -> tuple[pd.DataFrame, int]:
    """The rows with labels as `ingest` will have them, without dropped ones; and the number of decisions.

    Args:
        rows: As `Source.read` returns them.
        name: Of the data set.

    Raises:
        UserError: As `apply_decisions`.
    """
    decisions, listed = load_decisions(name), load_classes(name)
    if not decisions and listed is None:
        return rows, 0
    refused: list[ItemRejected | None] = [None] * len(rows)
    if "refused" in rows:
        for row in rows["refused"].notna().to_numpy().nonzero()[0]:
            refused[row] = ItemRejected(rows["refused"].iloc[row], str(rows["detail"].iloc[row]))
    items, after = apply_decisions(rows.assign(sample_id=rows["path"]), refused, decisions, listed)
    dropped = [now is not None and before is None for before, now in zip(refused, after, strict=True)]
    return items.loc[[not one for one in dropped]].reset_index(drop=True), len(decisions)
