"""The balance table: how even the classes are in each split and for each value of an attribute."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline.core.manifest_schema import SPLITS
from pipeline.datasets.class_balance import balance_table, conditions

MAX_VALUES, MIN_SAMPLES, NUM_SHOWN = 20, 10, 30  # most values of an attribute, fewest samples of a value, most rows


@dataclass(frozen=True, kw_only=True)
class Balances:
    """What the table shows.

    Attributes:
        num_classes: Of the data set.
        rows: First the splits, then the values of attributes, the least even first.
        left_out: How many rows are not shown.
    """

    num_classes: int
    rows: list[dict[str, object]]
    left_out: int


def balances(manifest: pd.DataFrame, splits: pd.DataFrame) -> Balances:
    samples = manifest.drop(columns="group", errors="ignore").merge(splits, on="sample_id")
    rows = balance_table(samples, conditions(samples, MAX_VALUES), MIN_SAMPLES)
    num_classes = samples.loc[samples["split"].isin(SPLITS), "labels"].explode().nunique()
    return Balances(num_classes=int(num_classes), rows=rows[:NUM_SHOWN], left_out=max(0, len(rows) - NUM_SHOWN))
