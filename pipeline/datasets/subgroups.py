"""Cells of label x property, in which an association of the two is measured, reweighted or guarded against."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import ATTRIBUTE, PROPERTY, is_property_or_attribute
from pipeline.datasets.properties import parse_timestamps


def subgroup_ids(targets: np.ndarray, values: pd.Series) -> np.ndarray:
    """(N,) number of each sample's cell, 0 to G - 1; no cell is empty.

    Args:
        targets: (N, K); each combination of labels that occurs is a row of the table.
        values: (N,) of the property; each value is a column.
    """
    return np.unique(np.stack([label_combination_ids(targets), pd.factorize(values)[0]]), axis=1, return_inverse=True)[
        1
    ].ravel()


def label_combination_ids(targets: np.ndarray) -> np.ndarray:
    """(N,) number of the combination of labels of each row of (N, K) targets."""
    return np.unique(targets, axis=0, return_inverse=True)[1].ravel()


def check_property_name(by: str) -> None:
    """Checks the name of a property, for constructors.

    Raises:
        ValueError: `by` can name no property.
    """
    if not is_property_or_attribute(by):
        raise ValueError(
            f"by must name a property ({PROPERTY}brightness) or an attribute ({ATTRIBUTE}site), got {by!r}"
        )


def property_values(index: pd.DataFrame, by: str, num_bins: int, where: str) -> pd.Series:
    """(N,) text: each sample's value of a property, or the quantile bin of a number.

    Args:
        index: Samples of train, with properties (`prop_*`) and attributes (`attr_*`).
        by: One of these columns.
        num_bins: Bins of a number or a time with more distinct values than this; equally filled, apart from ties.
        where: Key of `by` in params.yaml, for messages.

    Raises:
        UserError: There is no such column, or it has one value only.
    """
    known = [str(column) for column in index if is_property_or_attribute(column)]
    if by not in known:
        expected = f"expected one of {', '.join(known)}" if known else "they have no property and no attribute"
        raise UserError(f"{where} names {by!r}, which the samples do not have; {expected}")
    column = index[by]
    times = parse_timestamps(by.removeprefix(ATTRIBUTE), column)
    column = column if times is None else pd.Series(times, index=column.index)
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > num_bins:
        column = _cut(column, num_bins)
    values = column.astype("object").where(column.notna(), "unknown").astype(str)
    if values.nunique() < 2:
        raise UserError(f"{where} names {by!r}, which is {values.iloc[0]} in all of train; name one that varies")
    return values


def _cut(numbers: pd.Series, num_bins: int) -> pd.Series:
    """Quantile bins; two bins, split at the median, where most of the numbers are equal."""
    cut = pd.qcut(numbers, num_bins, duplicates="drop")
    if cut.nunique() > 1:
        return cut
    sides, names = median_split(numbers.to_numpy(dtype=np.float64))
    return pd.Series([names[one] if one >= 0 else None for one in sides], index=numbers.index)


def median_split(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """(N,) 0 up to the median and 1 above, -1 where missing; and the names of the two sides.

    Where no value is above the median, 0 is below the median and 1 equals it.
    """
    known = np.isfinite(values)
    middle = float(np.median(values[known])) if known.any() else 0.0
    above = bool((values[known] > middle).any())
    upper = values > middle if above else values >= middle
    names = [f"up to {middle:.3g}", f"above {middle:.3g}"] if above else [f"below {middle:.3g}", f"of {middle:.3g}"]
    return np.where(known, upper, -1).astype(np.int64), names


def empty_subgroups(targets: np.ndarray, values: pd.Series, classes: list[str] | None = None) -> list[str]:
    """The pairs of class and value without a sample, as `class at value`; without `classes` the class's number."""
    table = pd.DataFrame(targets > 0, columns=classes).groupby(values.to_numpy()).sum()
    return [f"{name} at {value}" for name in table for value in table.index[table[name] == 0] if table[name].any()]
