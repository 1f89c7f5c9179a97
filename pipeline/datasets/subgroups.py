"""Cells of label x property: where an association between the two can be seen, weighed away or guarded against."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import ATTRIBUTE, PROPERTY, is_property_or_attribute
from pipeline.datasets.properties import parse_timestamps


def subgroup_ids(targets: np.ndarray, values: pd.Series) -> np.ndarray:
    """(N,) number of each sample's cell, 0 to G - 1, each of them taken by a sample.

    Args:
        targets: (N, K); each combination of labels that occurs is one row of the table.
        values: (N,) of the property, its columns.
    """
    return np.unique(np.stack([label_combination_ids(targets), pd.factorize(values)[0]]), axis=1, return_inverse=True)[
        1
    ].ravel()


def label_combination_ids(targets: np.ndarray) -> np.ndarray:
    """(N,) number of the combination of labels of each row of (N, K) targets."""
    return np.unique(targets, axis=0, return_inverse=True)[1].ravel()


def check_property_name(by: str) -> None:
    """For constructors.

    Raises:
        ValueError: `by` can name no property.
    """
    if not is_property_or_attribute(by):
        raise ValueError(f"by must name what was measured ({PROPERTY}brightness) or told ({ATTRIBUTE}site), got {by!r}")


def property_values(index: pd.DataFrame, by: str, num_bins: int, where: str) -> pd.Series:
    """What each sample has of a property, in words: its value, or the bin between quantiles that a number falls into.

    Args:
        index: Samples of train, with `prop_*` (measured) and `attr_*` (told).
        by: One of these columns.
        num_bins: Bins of a number, or a time, with more distinct values than this, as equally filled as ties allow.
        where: Key of `by` in params.yaml, for messages.

    Raises:
        UserError: There is no such column, or it has one value only.
    """
    known = [str(column) for column in index if is_property_or_attribute(column)]
    if by not in known:
        expected = f"expected one of {', '.join(known)}" if known else "nothing was measured of them, or told"
        raise UserError(f"{where} names {by!r}, which the samples do not have; {expected}")
    column = index[by]
    times = parse_timestamps(by.removeprefix(ATTRIBUTE), column)
    column = column if times is None else pd.Series(times, index=column.index)
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > num_bins:
        column = _cut(column, num_bins)
    values = column.astype("object").where(column.notna(), "unknown").astype(str)
    if values.nunique() < 2:
        raise UserError(f"{where} names {by!r}, which is {values.iloc[0]} in all of train; nothing can go with it")
    return values


def _cut(numbers: pd.Series, num_bins: int) -> pd.Series:
    """Bins between quantiles; above the median and up to it where most of the numbers are one."""
    cut = pd.qcut(numbers, num_bins, duplicates="drop")
    if cut.nunique() > 1:
        return cut
    sides, names = median_split(numbers.to_numpy(dtype=np.float64))
    return pd.Series([names[one] if one >= 0 else None for one in sides], index=numbers.index)


def median_split(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """(N,) 0 up to the median and 1 above, -1 where missing; and what the two are called.

    Where nothing is above the median, most values are the largest: then 0 is below it, and 1 is it.
    """
    known = np.isfinite(values)
    middle = float(np.median(values[known])) if known.any() else 0.0
    above = bool((values[known] > middle).any())
    upper = values > middle if above else values >= middle
    names = [f"up to {middle:.3g}", f"above {middle:.3g}"] if above else [f"below {middle:.3g}", f"of {middle:.3g}"]
    return np.where(known, upper, -1).astype(np.int64), names


def empty_subgroups(targets: np.ndarray, values: pd.Series, classes: list[str] | None = None) -> list[str]:
    """The pairs of class and value that no sample has, as `class at value`; the class's number without `classes`."""
    table = pd.DataFrame(targets > 0, columns=classes).groupby(values.to_numpy()).sum()
    return [f"{name} at {value}" for name in table for value in table.index[table[name] == 0] if table[name].any()]
