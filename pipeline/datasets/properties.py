"""All that is known of a sample beside what it shows: measured, told by the source, and written in its path."""

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

FEW = 12  # distinct numbers of a told attribute; with no more it is a category
REPEATED = 0.9  # of the names; by chance one of a few is its label
NOT_TOLD = ("format", "folder", "position")  # names of what is not told


@dataclass(frozen=True)
class Property:
    """One property of every sample.

    Attributes:
        name: Without `prop_` or `attr_`; of what was told under a name that is measured too, `told_` and the name.
        values: (N,) numbers, NaN where missing; of a category codes, -1 where missing.
        names: Of a category, in the order of its codes.
        column: Of the manifest; the name where it was read from the path.
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
    """Every property of the samples, also those that are the same for all: measured, format, told, from the path.

    Args:
        samples: Manifest rows; `labels`, and any of `prop_*`, `format`, `attr_*`, `path`.
    """
    return list(_each(samples))


def by_column(samples: pd.DataFrame, ordered: Collection[str] = ()) -> dict[str, Property]:
    """Those that a column of the samples holds, by its name: measured, format, told.

    Args:
        samples: As in `collect_properties`.
        ordered: Told columns that are numbers here, even where few values of them occur.
    """
    found = {}
    for column in map(str, samples):
        if column.startswith(PROPERTY):
            name = short_name(column)
            found[column] = Property(name, samples[column].to_numpy(dtype=np.float64), True, column=column)
        elif column == "format":
            found[column] = replace(_category(column, samples[column]), column=column)
        elif column.startswith(ATTRIBUTE) and not column.startswith(OF_LABEL):
            name = short_name(column)
            one = _attribute_property(name, samples[column], column in ordered)
            names = {*NOT_TOLD, *(other.name for other in found.values())}
            while property_column(name) in samples or name in names:
                name = f"told_{name}"
            found[column] = replace(one, name=name, column=column)
    return found


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
    """(N,) seconds since 1970 of what was told under this name, NaN where missing; None unless all of it are dates.

    Dates are times, or ISO 8601 text. What a camera wrote into `exif_time` and is no date is missing.
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
    """The folder of each sample without the parts that are called like a class or a split."""
    labels = {_plain(name) for name in samples["labels"].explode().dropna().unique()}
    parents = samples["path"].str.rpartition("/")[0]
    kept = {
        one: "/".join(part for part in one.split("/") if part_named(part) is None and _plain(part) not in labels)
        for one in parents.unique()
    }
    return parents.map(kept)


def _positions(samples: pd.DataFrame) -> np.ndarray:
    """The rank of each sample by the numbers in its file's name, NaN without one.

    Not by the order in which the source lists its items, which follows the classes where each has its folder: files of
    two folders that are both numbered from 1 rank alike. What the names repeat of the samples' labels is passed over.
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
    """The places at which nearly all names have a number that is the label, as `7_000123.png` of a seven."""
    told = [{int(one) for one in names if one.isdecimal()} for names in labels]
    pairs = [(place, one in own) for key, own in zip(keys, told, strict=True) for place, one in enumerate(key)]
    if not any(told) or not pairs:
        return set()
    places, same = (np.array(one, dtype=np.int64) for one in zip(*pairs, strict=True))
    return set(np.flatnonzero(np.bincount(places, same) >= REPEATED * np.bincount(places)).tolist())


def _plain(name: str) -> str:
    return re.sub(r"\W|_", "", name.lower()) or name


def stratified_group_sample(samples: pd.DataFrame, max_samples: int, seed: int) -> pd.DataFrame:
    """The labelled samples, or whole groups of them drawn so that each class has about its share of `max_samples`.

    A class with fewer keeps all it has. What is judged is balanced over the classes, so that their sizes need not be
    kept; labels and properties stay independent within the draw where they were before.
    """
    labelled = samples[are_labelled(samples)].reset_index(drop=True)
    if len(labelled) <= max_samples:
        return labelled
    group = pd.factorize(labelled["group"])[0]
    turn = np.random.default_rng(seed).permutation(group.max() + 1)[group]
    pairs = labelled["labels"].explode().fillna("")  # negatives of every label are drawn like a class
    pairs = pairs.iloc[np.argsort(turn[pairs.index], kind="stable")]
    early = pairs.groupby(pairs.to_numpy()).cumcount() < max(1, max_samples // pairs.nunique())
    return labelled[np.isin(group, group[early.index[early.to_numpy()]])].reset_index(drop=True)
