"""The table of balance: how evenly the classes are there in each split and under each told condition."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline.datasets.class_balance import balance_table, conditions

MAX_VALUES, MIN_SAMPLES, NUM_SHOWN = 20, 10, 30  # values of an attribute, samples of a value, rows


@dataclass(frozen=True, kw_only=True)
class Balances:
    """What the table shows.

    Attributes:
        num_classes: Of the whole data set.
        rows: Splits first, then the least even values of attributes.
        left_out: How many rows are not shown.
    """

    num_classes: int
    rows: list[dict[str, object]]
    left_out: int


def balances(manifest: pd.DataFrame, splits: pd.DataFrame) -> Balances:
    placed = manifest.drop(columns="group", errors="ignore").merge(splits, on="sample_id")
    rows = balance_table(placed, conditions(placed, MAX_VALUES), MIN_SAMPLES)
    num_classes = placed.loc[placed["split"] != "none", "labels"].explode().nunique()
    return Balances(num_classes=int(num_classes), rows=rows[:NUM_SHOWN], left_out=max(0, len(rows) - NUM_SHOWN))
