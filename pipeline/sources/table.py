"""A table with a row for each picture: CSV, TSV, JSONL or Parquet."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import pandas as pd

from pipeline.core.contracts import Source
from pipeline.core.errors import UserError
from pipeline.core.places import Place, Recognised
from pipeline.core.reading import read_bytes, stat_file
from pipeline.sources.columns import recognised
from pipeline.sources.items import GIVEN_SPLITS, Item, table
from pipeline.sources.listing import existing_folder, find_pictures
from pipeline.sources.records import FORMATS, Records, read_records

ALL_OTHERS = "all others"
YES, NO = frozenset(["1", "1.0", "true", "yes"]), frozenset(["0", "0.0", "false", "no", ""])
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,17})?")  # not 007, which is a name


@final
@dataclass(frozen=True, kw_only=True)
class Table(Source):
    """Every row names a picture; its labels stand in one column, or there is a column of 0 and 1 for each class.

    A row without a label is an unlabelled picture. Pictures below `pictures` that no row names are refused (`no_row`),
    rows whose path is absolute or climbs out too (`outside`).

    Args:
        name: Of the data set, in MLflow and on the page.
        path: The file; its extension (.csv, .tsv, .jsonl, .ndjson, .parquet) says how it is read. UTF-8.
        watch: What DVC hashes to notice a change; a folder that holds both the table and the pictures.
        pictures: The folder that the paths in the table are relative to.
        image_column: Holds the path of the picture.
        label_column: Holds the label or labels; null when `label_columns` is set.
        label_separator: Stands between several labels in one field; null: the whole field is one label.
        label_columns: One column for each class, or `all others`; null when `label_column` is set.
        group_column: Holds what must stay together, for example the patient; null: nothing must.
        split_column: Holds train, val (or valid, validation) or test; null: the table gives no split.
        attribute_columns: Columns kept as attributes, or `all others`.
    """

    name: str
    path: str
    watch: str
    pictures: str
    image_column: str
    label_column: str | None
    label_separator: str | None
    label_columns: list[str] | str | None
    group_column: str | None
    split_column: str | None
    attribute_columns: list[str] | str

    def __post_init__(self) -> None:
        if (self.label_column is None) == (self.label_columns is None):
            raise ValueError(
                "exactly one of label_column and label_columns must be set, "
                f"got {self.label_column!r} and {self.label_columns!r}"
            )
        for parameter in ("label_columns", "attribute_columns"):
            value = getattr(self, parameter)
            if isinstance(value, str) and value != ALL_OTHERS:
                raise ValueError(f"{parameter} must be a list of columns or {ALL_OTHERS!r}, got {value!r}")
        if self.label_columns == self.attribute_columns == ALL_OTHERS:
            raise ValueError(f"label_columns and attribute_columns cannot both be {ALL_OTHERS!r}")
        if self.label_separator == "":
            raise ValueError("label_separator must be null or at least one character, got ''")

    def read(self) -> pd.DataFrame:
        root = existing_folder(self.pictures, "pictures", f"the folder that {self.image_column!r} is relative to")
        records = read_records(Path(self.path))
        label_columns, attribute_columns = self._columns(records)
        numeric = {name for name in attribute_columns if _is_numeric(records, name)}
        items = []
        for position, row in enumerate(records.rows):
            where = records.where(position)
            items.append(
                Item(
                    path=_path(row[self.image_column], where),
                    labels=self._labels(row, label_columns, where),
                    group=_text(row[self.group_column]) if self.group_column else None,
                    given_split=_split(row[self.split_column], where) if self.split_column else None,
                    attributes={name: _attribute(row[name], name in numeric) for name in attribute_columns},
                )
            )
        return table(find_pictures(root, items, records.path))

    def stat(self, path: str) -> tuple[int, ...] | None:
        return stat_file(Path(self.pictures), path)

    def open(self, path: str) -> bytes:
        return read_bytes(Path(self.pictures), path)

    @classmethod
    def recognise(cls, place: Place, told: Mapping[str, Any]) -> Iterator[Recognised]:
        for document in place.documents(FORMATS.__contains__):
            yield from recognised(place, document, told)

    def _columns(self, records: Records) -> tuple[list[str], list[str]]:
        """The columns of classes and of attributes, each known to be there."""
        named: dict[str, Collection[str | None]] = {
            "image_column": [self.image_column],
            "label_column": [self.label_column],
            "group_column": [self.group_column],
            "split_column": [self.split_column],
        }
        for parameter in ("label_columns", "attribute_columns"):
            value = getattr(self, parameter)
            named[parameter] = value if isinstance(value, list) else []
        for parameter, columns in named.items():
            for column in columns:
                if column is not None and column not in records.columns:
                    raise UserError(
                        f"source.{parameter}: {records.path} has no column {column!r}; it has {records.columns}"
                    )
        taken = {column for columns in named.values() for column in columns}
        others = [column for column in records.columns if column not in taken]
        labels, attributes = (
            others if value == ALL_OTHERS else list(value or [])
            for value in (self.label_columns, self.attribute_columns)
        )
        return labels, attributes

    def _labels(self, row: dict[str, Any], label_columns: list[str], where: str) -> list[str]:
        if self.label_column is None:
            return [name for name in label_columns if _is_set(row[name], f"{where}, column {name!r}")]
        value = row[self.label_column]
        if isinstance(value, list):
            return [text for text in map(_text, value) if text is not None]
        text = _text(value) or ""
        return text.split(self.label_separator) if self.label_separator else [text]


def _text(value: Any) -> str | None:
    """A cell as text; None where it is empty."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # Parquet stores whole numbers with gaps as floats
    return str(value)


def _path(value: Any, where: str) -> str:
    if isinstance(value, (bool, list, dict)):
        raise UserError(f"{where}: the picture's path must be a text, found {value!r}; set source.image_column")
    return _text(value) or ""


def _is_set(value: Any, where: str) -> bool:
    text = (_text(value) or "").strip().lower()
    if text not in YES | NO:
        raise UserError(f"{where}: expected 0 or 1 (true, false), found {value!r}; mend it or set source.label_columns")
    return text in YES


def _split(value: Any, where: str) -> str | None:
    text = _text(value)
    if text is None:
        return None
    if text.strip().lower() not in GIVEN_SPLITS:
        raise UserError(f"{where}: the split must be empty or one of {list(GIVEN_SPLITS)}, found {text!r}")
    return GIVEN_SPLITS[text.strip().lower()]


def _is_numeric(records: Records, column: str) -> bool:
    """Whether every field of text is a number, as in a CSV file all are text."""
    told = [row[column] for row in records.rows if row[column] not in (None, "")]
    return bool(told) and all(isinstance(one, str) and NUMBER.fullmatch(one) for one in told)


def _attribute(value: Any, numeric: bool) -> Any:
    if isinstance(value, (bool, list, dict)) or value is None or value == "":
        return None if value == "" else value
    if isinstance(value, float) and math.isnan(value):
        return None
    return float(value) if numeric else value
