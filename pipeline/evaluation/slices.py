"""Figures per slice: for each value of each attribute, and for each class at each value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipeline.core.contracts import Metric
from pipeline.core.estimate import Estimate
from pipeline.core.manifest_schema import attribute_columns, short_name
from pipeline.core.predictions import Predictions
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.statistics.bootstrap import Bootstrap

MAX_VALUES = 12  # an attribute with more distinct numbers is cut into quarters; one with more names is skipped
NUM_BINS = 4
MAX_CELLS = 24  # class x value: more cells are unreadable and have too few samples each
COLUMNS = ["attribute", "slice", "n", "groups", "metric", "value", "low", "high", "caveat"]
IN_CELLS = "accuracy"  # for one class this is its recall; metrics that compare classes are meaningless there


def slice_table(
    test: pd.DataFrame, predictions: Predictions, metrics: dict[str, Metric], bootstrap: Bootstrap, min_slice: int
) -> pd.DataFrame:
    """One row per attribute, value and metric that is not per class; and the accuracy per class at each value.

    A model that learned an attribute instead of the class is right on most samples of each value, and wrong in the
    cells that contradict it. Rows of an attribute and a class are named `attribute and label`, `value, label`.

    Args:
        test: N rows with `attr_*`.
        predictions: Predictions of the same N samples.
        metrics: Name to metric.
        bootstrap: How groups are resampled, where there are more than 100.
        min_slice: Fewest samples of a slice with figures.

    Returns:
        `attribute`, `slice`, `n`, `groups`, `metric`, `value`, `low`, `high`, `caveat`; no figure where n is below
        `min_slice`, no interval where fewer than 5 groups hold the slice.
    """
    overall = {name: metric for name, metric in metrics.items() if not metric.per_class}
    rows = []
    for attribute, value, members, shown in _parts(test, predictions, overall):
        part = predictions.take(members)
        figures: dict[str, Estimate] = {}
        if len(part) >= min_slice:
            figures = estimate_metrics(shown, part, bootstrap)
        rows += [
            {"attribute": attribute, "slice": value, "n": len(part), "groups": part.num_groups, "metric": name}
            | {key: getattr(figures.get(name), key, None) for key in ("value", "low", "high", "caveat")}
            for name in shown
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _parts(
    test: pd.DataFrame, predictions: Predictions, metrics: dict[str, Metric]
) -> Iterator[tuple[str, str, np.ndarray, dict[str, Metric]]]:
    """Attribute, value, the rows of the slice, and its metrics."""
    classes = predictions.classes
    in_cells = {name: metric for name, metric in metrics.items() if name == IN_CELLS}
    for column in attribute_columns(test):
        attribute, cut = short_name(column), cut_values(test[column])
        for value, members in cut.items():
            yield attribute, value, members, metrics
        if not 1 < len(cut) <= MAX_CELLS / len(classes):
            continue
        for value, members in cut.items():
            for number, label in enumerate(classes):
                cell = members[predictions.targets[members, number] > 0]
                if len(cell):
                    yield f"{attribute} and label", f"{value}, {label}", cell, in_cells


def cut_values(values: pd.Series) -> dict[str, np.ndarray]:
    """Text of each slice to its rows; empty where the attribute cannot be sliced."""
    known = values.reset_index(drop=True).dropna()
    if known.nunique() > MAX_VALUES:
        if not pd.api.types.is_numeric_dtype(known):
            return {}
        known = pd.qcut(known, NUM_BINS, duplicates="drop")
    return {str(value): members.index.to_numpy() for value, members in known.groupby(known, observed=True)}
