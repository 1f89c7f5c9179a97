"""What the last run stored of val: the decisions of its model on samples to which it was not fitted."""

from __future__ import annotations

import pandas as pd

from pipeline.core import artifacts

PLACE = artifacts.PREDICTIONS  # for messages; it also holds test, which nothing here takes


def read_val_predictions() -> pd.DataFrame:
    """The rows of val of `data/predictions.parquet`.

    Raises:
        UserError: There was no run.
    """
    found = artifacts.read_table(PLACE)
    return found[found["split"] == "val"].reset_index(drop=True)
