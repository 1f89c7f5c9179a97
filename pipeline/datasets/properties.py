"""The properties of samples apart from their content: measured, from attributes of the source, and from the path."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.core.labels import are_labelled
from pipeline.core.manifest_schema import ATTRIBUTE, OF_LABEL, PROPERTY, property_column, short_name
from pipeline.datasets.discovery.split_names import part_named
from pipeline.statistics.binning import OTHER, frequency_bins, quantile_bins

FEW = 12  # distinct numbers of an attribute; with at most this many it is a category
REPEATED = 0.9  # of the file names have the label as a number at one position; a few have it by chance
RESERVED = ("format", "folder", "position")  # names of properties that are no attributes


@dataclass(frozen=True)
class Property:
    """One property of every sample.

    Attributes:
        name: Without `prop_` or `attr_`; an attribute with the name of another property keeps `attr_`.
        values: (N,) numbers, NaN where missing; codes of a category, -1 where missing.
        names: Of a category, in the order of its codes.
        column: Of the manifest; the name where the path gives the values.
    """

    name: str
    values: np.ndarray
    ordered: bool
    names: tuple[str, ...] = ()
    column: str = ""

    @property
    def bins(self) -> np.ndarray:
        """(N,) 0 to 16; see `binning.quantile_bins` and `binning.frequency_bins`."""
        return quantile_bins(self.values) if self.ordered else frequency_bins(self.values)

    @property
    def many(self) -> bool:
        """Whether it is a category with more values than bins."""
        return not self.ordered and len(self.names) > OTHER


def collect_properties(samples: pd.DataFrame) -> list[Property]:
    """Every property of the samples, also constant ones: measured, format, attributes, folder and position.

    Args:
        samples: Manifest rows; `labels`, and any of `prop_*`, `format`, `attr_*`, `path`.
    """
    return list(_each(samples))


def by_column(samples: pd.DataFrame, ordered: Collection[str] = ()) -> dict[str, Property]:
    """The properties that have a column, by the name of the column: measured, format, attributes.

    Args:
        samples: As in `collect_properties`.
        ordered: Columns of attributes that count as numbers even with few distinct values.
    """
    properties: dict[str, Property] = {}
    for column in map(str, samples):
        if column.startswith(PROPERTY):
            name = short_name(column)
            properties[column] = Property(name, samples[column].to_numpy(dtype=np.float64), True, column=column)
        elif column == "format":
            properties[column] = replace(_category(column, samples[column]), column=column)
        elif column.startswith(ATTRIBUTE) and not column.startswith(OF_LABEL):
            name = short_name(column)
            attribute = _attribute_property(name, samples[column], column in ordered)
            names = {*RESERVED, *(other.name for other in properties.values())}
            while property_column(name) in samples or name in names:
                name = ATTRIBUTE + name
            properties[column] = replace(attribute, name=name, column=column)
    return properties


def _each(samples: pd.DataFrame) -> Iterator[Property]:
    yield from by_column(samples).values()
    if "path" in samples:
        yield replace(_category("folder", _folders(samples)), column="folder")
        yield Property("position", _positions(samples), True, column="position")


def _category(name: str, values: pd.Series) -> Property:
    codes, names = pd.factorize(values, sort=True)
    return Property(name, codes.astype(np.int64), False, tuple(map(str, names)))


def _attribute_property(name: str, values: pd.Series, ordered: bool) -> Property:
    times = parse_timestamps(name, values)
    if times is not None:
        return Property(name, times, True)
    if pd.api.types.is_numeric_dtype(values) and (ordered or values.nunique() > FEW):
        return Property(name, values.to_numpy(dtype=np.float64, na_value=np.nan), True)
    return _category(name, values if pd.api.types.is_numeric_dtype(values) else values.astype("str"))


def parse_timestamps(name: str, values: pd.Series) -> np.ndarray | None:
    """(N,) seconds since 1970 of an attribute, NaN where missing; None unless all its values are dates.

    Dates are times, or ISO 8601 text. A value of `exif_time` that is no date counts as missing.
    """
    if pd.api.types.is_numeric_dtype(values):
        return None
    if not pd.api.types.is_datetime64_any_dtype(values) and name != "exif_time":
        texts = values.dropna().astype("str")
        if not len(texts) or not texts.str.match(r"\d{4}-\d\d-\d\d").all():
            return None
    times = pd.to_datetime(values, errors="coerce", format="ISO8601", utc=True)
    if times.isna().sum() > values.isna().sum() and name != "exif_time":
        return None
    seconds: np.ndarray = (times - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(dtype=np.float64)
    return seconds


def _folders(samples: pd.DataFrame) -> pd.Series:
    """The folder of each sample, without parts that are named like a class or a split."""
    labels = {_plain(name) for name in samples["labels"].explode().dropna().unique()}
    parents = samples["path"].str.rpartition("/")[0]
    plain = {
        parent: "/".join(part for part in parent.split("/") if part_named(part) is None and _plain(part) not in labels)
        for parent in parents.unique()
    }
    return parents.map(plain)


def _positions(samples: pd.DataFrame) -> np.ndarray:
    """(N,) rank of each sample by the numbers in its file's name, NaN without a number.

    The order in which the source lists its items is not used, since it follows the classes where each has a folder;
    files of the same number in two folders have the same rank. Numbers that repeat the label are ignored.
    """
    names = samples["path"].str.rpartition("/")[2].str.rpartition(".")
    stems = names[0].where(names[0] != "", names[2])
    keys = [_numbers(stem, labels) for stem, labels in zip(stems, samples["labels"], strict=True)]
    repeated = _label_positions(keys, samples["labels"])
    keys = [tuple(one for place, one in enumerate(key) if place not in repeated) for key in keys]
    rank = {key: position for position, key in enumerate(sorted({key for key in keys if key}))}
    return np.array([rank.get(key, np.nan) for key in keys], dtype=np.float64)


def _numbers(stem: str, labels: list[str]) -> tuple[int, ...]:
    for label in labels:
        if re.search(r"\d", label) and not label.isdigit():
            stem = stem.replace(label, " ")
    return tuple(int(digits[:18]) for digits in re.findall(r"[0-9]+", stem))


def _label_positions(keys: list[tuple[int, ...]], labels: pd.Series) -> set[int]:
    """The positions at which nearly all names have a number that is the label, as `7_000123.png` of a seven."""
    numbers = [{int(one) for one in names if one.isdecimal()} for names in labels]
    pairs = [(place, one in own) for key, own in zip(keys, numbers, strict=True) for place, one in enumerate(key)]
    if not any(numbers) or not pairs:
        return set()
    places, same = (np.array(one, dtype=np.int64) for one in zip(*pairs, strict=True))
    return set(np.flatnonzero(np.bincount(places, same) >= REPEATED * np.bincount(places)).tolist())


def _plain(name: str) -> str:
    return re.sub(r"\W|_", "", name.lower()) or name


def stratified_group_sample(samples: pd.DataFrame, max_samples: int, seed: int) -> pd.DataFrame:
    """The labelled samples, or a sample of whole groups in which each class has about its share of `max_samples`.

    A class with fewer samples keeps them all. The figures computed from the sample are balanced over the classes, so
    class sizes need not be kept; labels and properties that are independent stay so in the sample.
    """
    labelled = samples[are_labelled(samples)].reset_index(drop=True)
    if len(labelled) <= max_samples:
        return labelled
    group = pd.factorize(labelled["group"])[0]
    turn = np.random.default_rng(seed).permutation(group.max() + 1)[group]
    pairs = labelled["labels"].explode().fillna("")  # negatives of every label count as a class
    pairs = pairs.iloc[np.argsort(turn[pairs.index], kind="stable")]
    early = pairs.groupby(pairs.to_numpy()).cumcount() < max(1, max_samples // pairs.nunique())
    return labelled[np.isin(group, group[early.index[early.to_numpy()]])].reset_index(drop=True)
