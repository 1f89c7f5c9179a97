"""Where the model is good and where it is not: figures per value of each told attribute."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.core.contracts import Metric
from pipeline.core.judging import judge
from pipeline.core.labels import to_matrix

MAX_VALUES = 12  # an attribute with more distinct numbers is cut into quarters; one with more names is passed over
NUM_BINS = 4


def slices(
    test: pd.DataFrame,
    metrics: dict[str, Metric],
    classes: list[str],
    num_resamples: int,
    seed: int,
    min_slice: int,
) -> pd.DataFrame:
    """One row per attribute, value and metric that is not per class.

    Returns:
        `attribute`, `slice`, `n`, `metric`, `value`, `low`, `high`; no figure where n is below `min_slice`.
    """
    overall = {name: metric for name, metric in metrics.items() if not metric.per_class}
    rows = []
    for column in [name for name in test if str(name).startswith("attr_")]:
        for value, members in _cut(test[column]).items():
            part = test.loc[members]
            if len(part) >= min_slice:
                targets = to_matrix(part["labels"].tolist(), classes)
                decided = to_matrix(part["decided"].tolist(), classes).astype(bool)
                scores, groups = np.stack(part["scores"].to_numpy()), part["group"].to_numpy(dtype=str)
                figures = judge(overall, targets, decided, scores, groups, classes, num_resamples, seed)
            else:
                figures = {name: {"value": None, "low": None, "high": None} for name in overall}
            rows += [
                {
                    "attribute": column.removeprefix("attr_"),
                    "slice": value,
                    "n": len(part),
                    "metric": name,
                    **{key: figures[name][key] for key in ("value", "low", "high")},
                }
                for name in overall
            ]
    return pd.DataFrame(rows, columns=["attribute", "slice", "n", "metric", "value", "low", "high"])


def _cut(values: pd.Series) -> dict[str, pd.Index]:
    """Text of each slice to its rows; empty where the attribute cannot be sliced."""
    known = values.dropna()
    if known.nunique() > MAX_VALUES:
        if not pd.api.types.is_numeric_dtype(known):
            return {}
        known = pd.qcut(known, NUM_BINS, duplicates="drop")
    return {str(value): members.index for value, members in known.groupby(known, observed=True)}
