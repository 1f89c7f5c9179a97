"""All that is known of a sample beside what it shows: measured, told by the source, and written in its path."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core.telling import binned, sorted_out

FEW = 12  # distinct numbers of a told attribute; with no more it is a category
SPLIT_FOLDERS = ("train", "val", "valid", "validation", "test")
OF_LABEL = "attr_of_label_"  # what the source tells of the label itself, which it predicts by nature


@dataclass(frozen=True)
class Nuisance:
    """One property of every sample.

    Attributes:
        values: (N,) numbers, NaN where missing; of a category codes, -1 where missing.
        names: Of a category, in the order of its codes.
    """

    name: str
    values: np.ndarray
    ordered: bool
    names: tuple[str, ...] = ()

    @property
    def bins(self) -> np.ndarray:
        return binned(self.values) if self.ordered else sorted_out(self.values)


def nuisances(samples: pd.DataFrame) -> list[Nuisance]:
    """Every nuisance of the samples, also those that are the same for all: measured, format, told, from the path.

    Args:
        samples: Manifest rows; `labels`, and any of `prop_*`, `format`, `attr_*`, `path`.
    """
    return list(_each(samples))


def by_column(samples: pd.DataFrame, ordered: Collection[str] = ()) -> dict[str, Nuisance]:
    """Those that a column of the samples holds, by its name: measured, format, told.

    Args:
        samples: As in `nuisances`.
        ordered: Told columns that are numbers here, even where few values of them occur.
    """
    found = {}
    for column in map(str, samples):
        if column.startswith("prop_"):
            name = column.removeprefix("prop_")
            found[column] = Nuisance(name, samples[column].to_numpy(dtype=np.float64), True)
        elif column == "format":
            found[column] = _category(column, samples[column])
        elif column.startswith("attr_") and not column.startswith(OF_LABEL):
            found[column] = _told(column.removeprefix("attr_"), samples[column], column in ordered)
    return found


def _each(samples: pd.DataFrame) -> Iterator[Nuisance]:
    yield from by_column(samples).values()
    if "path" in samples:
        yield _category("folder", _folders(samples))
        yield Nuisance("position", _positions(samples), True)


def _category(name: str, values: pd.Series) -> Nuisance:
    codes, names = pd.factorize(values, sort=True)
    return Nuisance(name, codes.astype(np.int64), False, tuple(map(str, names)))


def _told(name: str, values: pd.Series, ordered: bool) -> Nuisance:
    if name == "exif_time":
        times = pd.to_datetime(values, errors="coerce", format="%Y-%m-%d %H:%M:%S")
        seconds = (times - pd.Timestamp(0)).dt.total_seconds()
        return Nuisance(name, seconds.to_numpy(dtype=np.float64), True)
    if pd.api.types.is_numeric_dtype(values) and (ordered or values.nunique() > FEW):
        return Nuisance(name, values.to_numpy(dtype=np.float64, na_value=np.nan), True)
    return _category(name, values if pd.api.types.is_numeric_dtype(values) else values.astype("str"))


def _folders(samples: pd.DataFrame) -> pd.Series:
    """The folder of each sample without the parts that are called like a class or a split."""
    passed = {*SPLIT_FOLDERS, *(_plain(name) for name in samples["labels"].explode().dropna().unique())}
    parents = samples["path"].str.rpartition("/")[0]
    kept = {
        one: "/".join(part for part in one.split("/") if part.lower() not in passed and _plain(part) not in passed)
        for one in parents.unique()
    }
    return parents.map(kept)


def _positions(samples: pd.DataFrame) -> np.ndarray:
    """The rank of each sample by the numbers in its file's name, NaN without one.

    Not by the order in which the source lists its items, which follows the classes where each has its folder: files of
    two folders that are both numbered from 1 rank alike. What the name repeats of the sample's labels is passed over.
    """
    names = samples["path"].str.rpartition("/")[2].str.rpartition(".")
    stems = names[0].where(names[0] != "", names[2])
    keys = [_numbers(stem, labels) for stem, labels in zip(stems, samples["labels"], strict=True)]
    rank = {key: position for position, key in enumerate(sorted({key for key in keys if key}))}
    return np.array([rank.get(key, np.nan) for key in keys], dtype=np.float64)


def _numbers(stem: str, labels: list[str]) -> tuple[int, ...]:
    for label in labels:
        if re.search(r"\d", label) and not label.isdigit():
            stem = stem.replace(label, " ")
    return tuple(int(digits[:18]) for digits in re.findall(r"[0-9]+", stem))


def _plain(name: str) -> str:
    return re.sub(r"\W|_", "", name.lower()) or name


def drawn(samples: pd.DataFrame, max_samples: int, seed: int) -> pd.DataFrame:
    """The labelled samples, or whole groups of them drawn so that each class has about its share of `max_samples`.

    A class with fewer keeps all it has. What is judged is balanced over the classes, so that their sizes need not be
    kept; labels and properties stay independent within the draw where they were before.
    """
    labelled = samples[samples["labels"].map(len) > 0].reset_index(drop=True)
    if len(labelled) <= max_samples:
        return labelled
    group = pd.factorize(labelled["group"])[0]
    turn = np.random.default_rng(seed).permutation(group.max() + 1)[group]
    pairs = labelled["labels"].explode()
    pairs = pairs.iloc[np.argsort(turn[pairs.index], kind="stable")]
    early = pairs.groupby(pairs.to_numpy()).cumcount() < max(1, max_samples // pairs.nunique())
    return labelled[np.isin(group, group[early.index[early.to_numpy()]])].reset_index(drop=True)
