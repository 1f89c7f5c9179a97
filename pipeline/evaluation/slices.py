"""Where the model is good and where it is not: per value of each told attribute, and per class at each value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipeline.core.contracts import Metric
from pipeline.core.labels import to_matrix
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.statistics.bootstrap import Estimate

MAX_VALUES = 12  # an attribute with more distinct numbers is cut into quarters; one with more names is passed over
NUM_BINS = 4
MAX_CELLS = 24  # class x value: more can neither be read nor hold enough samples each
COLUMNS = ["attribute", "slice", "n", "groups", "metric", "value", "low", "high", "caveat"]
IN_CELLS = "accuracy"  # of one class it is its recall; what compares classes says nothing there


def slice_table(
    test: pd.DataFrame,
    metrics: dict[str, Metric],
    classes: list[str],
    num_resamples: int,
    seed: int,
    min_slice: int,
) -> pd.DataFrame:
    """One row per attribute, value and metric that is not per class; and the accuracy per class at each value.

    A model that learnt an attribute instead of the class is right on most of each value, and wrong on the cells that
    contradict it. Of an attribute and class the rows are called `attribute and label`, `value, label`.

    Returns:
        `attribute`, `slice`, `n`, `groups`, `metric`, `value`, `low`, `high`, `caveat`; no figure where n is below
        `min_slice`, no interval where fewer than 5 groups hold the slice.
    """
    overall = {name: metric for name, metric in metrics.items() if not metric.per_class}
    rows = []
    for attribute, value, part, judged in _parts(test, overall, classes):
        figures: dict[str, Estimate] = {}
        if len(part) >= min_slice:
            targets = to_matrix(part["labels"].tolist(), classes)
            decided = to_matrix(part["decided"].tolist(), classes).astype(bool)
            scores, groups = np.stack(part["scores"].to_numpy()), part["group"].to_numpy(dtype=str)
            figures = estimate_metrics(judged, targets, decided, scores, groups, classes, num_resamples, seed)
        rows += [
            {"attribute": attribute, "slice": value, "n": len(part), "groups": part["group"].nunique(), "metric": name}
            | {key: getattr(figures.get(name), key, None) for key in ("value", "low", "high", "caveat")}
            for name in judged
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _parts(
    test: pd.DataFrame, metrics: dict[str, Metric], classes: list[str]
) -> Iterator[tuple[str, str, pd.DataFrame, dict[str, Metric]]]:
    """Attribute, value, the samples, and what is asked of them."""
    in_cells = {name: metric for name, metric in metrics.items() if name == IN_CELLS}
    for column in [str(name) for name in test if str(name).startswith("attr_")]:
        attribute, cut = column.removeprefix("attr_"), _cut(test[column])
        for value, members in cut.items():
            yield attribute, value, test.loc[members], metrics
        if not 1 < len(cut) <= MAX_CELLS / len(classes):
            continue
        for value, members in cut.items():
            part = test.loc[members]
            for label in classes:
                cell = part[[label in labels for labels in part["labels"]]]
                if len(cell):
                    yield f"{attribute} and label", f"{value}, {label}", cell, in_cells


def _cut(values: pd.Series) -> dict[str, pd.Index]:
    """Text of each slice to its rows; empty where the attribute cannot be sliced."""
    known = values.dropna()
    if known.nunique() > MAX_VALUES:
        if not pd.api.types.is_numeric_dtype(known):
            return {}
        known = pd.qcut(known, NUM_BINS, duplicates="drop")
    return {str(value): members.index for value, members in known.groupby(known, observed=True)}
