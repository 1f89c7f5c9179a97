"""A table with a row for each picture: CSV, TSV, JSONL or Parquet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, final

import pandas as pd
from annotated_types import Len

from pipeline.core.errors import UserError
from pipeline.core.labels import is_list
from pipeline.core.ranges import PositiveInt
from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch
from pipeline.datasets.discovery.format_detector import FormatDetector
from pipeline.datasets.discovery.split_names import part_named
from pipeline.datasets.sources.annotation_source import AnnotationSource
from pipeline.datasets.sources.items import Item, mark_negatives
from pipeline.datasets.tables import typed_cells
from pipeline.datasets.tables.cells import NumberKind, as_attribute, as_text, number_kinds, split_labels
from pipeline.datasets.tables.columns import detect_columns
from pipeline.datasets.tables.dialects import is_encoding
from pipeline.datasets.tables.records import FORMATS, MAX_COLUMNS, MAX_ROWS, Form, Records, read_records

ALL_OTHERS = "all others"
YES, NO = frozenset(["1", "1.0", "true", "yes"]), frozenset(["0", "0.0", "false", "no", ""])


@final
@dataclass(frozen=True, kw_only=True)
class Table(AnnotationSource, FormatDetector):
    """Every row names a picture; its labels are in one column, or each class has a column of 0 and 1.

    A path in another spelling than its file is found by the rules of `Resolver`; an id without ending is a name, too.
    Several rows of one picture become one item with all their labels. A row without a label is an unlabelled picture.
    Pictures below `pictures` that no row names are refused (`no_row`), and so are names that may mean several files
    (`ambiguous`) and paths outside (`outside`).

    A table for each part of a split (train.csv and test.csv; train/metadata.csv and test/metadata.csv) is one data set:
    `path` then names them by train, val and test. All have the columns that are named here.

    Args:
        path: The file, or one for each part of the given split; its extension (.csv, .tsv, .jsonl, .ndjson, .parquet)
            gives the format.
        image_column: Column of the path of the picture.
        label_column: Column of the label or labels; null when `label_columns` is set.
        label_separator: Text between several labels in one field; " ": any number of blanks; "[]": each field is a list
            in brackets, as JSON, Python or NumPy write it; null or "": the whole field is one label.
        label_columns: One column for each class, or `all others`; null when `label_column` is set.
        group_column: Column of the group that must stay together, for example the patient; null: no groups.
        split_column: Column of train, val or test, in any spelling that folders of a split may have; null: none.
        attribute_columns: Columns kept as attributes, or `all others`.
        empty: How a row of zeros in `label_columns` counts: `negative`, labelled as showing none of the classes;
            `unlabelled`; or `own_label`, labelled `nothing`. A row of empty cells is always unlabelled.
        of_label_columns: Columns that describe the label itself (its number, its Latin name, its certainty): stored as
            `attr_of_label_*`, which no check uses.
        missing: Texts of `label_column` that mean no label, such as NA.
        delimiter: Character between the fields of a CSV or TSV file; null: comma, semicolon, tab or bar, inferred from
            the first rows.
        header: Whether the first line names the columns, which else are column_1, column_2 and so on; null: inferred
            from the first rows.
        encoding: Of the text, as Python calls it; null: UTF-8, UTF-16 or UTF-32.
        typed: Whether cells are as `colibri export --to csv` writes them: an apostrophe begins a text that a
            spreadsheet would take for a formula, a number or a truth value, and does not belong to it.
        max_rows: A table of more rows is refused before it is read.
        max_columns: A table of more columns, or of more different keys in JSONL, is refused.
    """

    image_column: str
    label_column: str | None
    label_separator: str | None
    label_columns: list[str] | Literal["all others"] | None
    group_column: str | None
    split_column: str | None
    attribute_columns: list[str] | Literal["all others"]
    of_label_columns: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    delimiter: Annotated[str, Len(1, 1)] | None = None
    header: bool | None = None
    encoding: str | None = None
    typed: bool = False
    max_rows: PositiveInt = MAX_ROWS
    max_columns: PositiveInt = MAX_COLUMNS

    def __post_init__(self) -> None:
        if (self.label_column is None) == (self.label_columns is None):
            raise ValueError(
                "exactly one of label_column and label_columns must be set, "
                f"got {self.label_column!r} and {self.label_columns!r}"
            )
        if self.label_columns == self.attribute_columns == ALL_OTHERS:
            raise ValueError(f"label_columns and attribute_columns cannot both be {ALL_OTHERS!r}")
        super().__post_init__()
        if isinstance(self.path, dict) and self.split_column is not None:
            raise ValueError(
                "split_column must be null where path names a file for each part of the split, "
                f"got {self.split_column!r}"
            )
        if self.encoding is not None and not is_encoding(self.encoding):
            raise ValueError(f"encoding must be null or a name such as utf-8, utf-16 or cp1252, got {self.encoding!r}")

    def read(self) -> pd.DataFrame:
        form = Form(
            delimiter=self.delimiter,
            header=self.header,
            encoding=self.encoding,
            max_rows=self.max_rows,
            max_columns=self.max_columns,
        )
        tables = {document: read_records(document, form) for document in self.parts.values()}
        attributes = {name for records in tables.values() for name in self._columns(records)[1]}
        numbers = {} if self.typed else number_kinds([*tables.values()], attributes)
        return self.read_items(repr(self.image_column), lambda document, _: self._items(tables[document], numbers))

    def _items(self, records: Records, numbers: Mapping[str, NumberKind]) -> Iterator[Item]:
        """The item of each row."""
        label_columns, attribute_columns = self._columns(records)
        self._check_lists(records)
        for position, cells in enumerate(records.rows):
            where = records.where(position)
            row = typed_cells.read_row(cells, attribute_columns) if self.typed else cells
            yield Item(
                path=_path(row.get(self.image_column), where),
                **self._labels(row, label_columns, where),
                group=as_text(row.get(self.group_column)) if self.group_column else None,
                given_split=_split(row.get(self.split_column), where) if self.split_column else None,
                attributes={
                    key: value
                    for name, key in attribute_columns.items()
                    if (value := self._attribute(row.get(name), numbers.get(name), cells.get(name))) is not None
                },
            )

    @classmethod
    def recognise(cls, place: FileListing, options: Mapping[str, Any]) -> Iterator[FormatMatch]:
        return detect_columns(place, place.documents(FORMATS.__contains__), options)

    def _columns(self, records: Records) -> tuple[list[str], dict[str, str]]:
        """The columns of classes, and those of attributes with the attribute's name, after a check that they exist."""
        named: dict[str, Collection[str | None]] = {
            "image_column": [self.image_column],
            "label_column": [self.label_column],
            "group_column": [self.group_column],
            "split_column": [self.split_column],
        }
        for parameter in ("label_columns", "attribute_columns", "of_label_columns"):
            value = getattr(self, parameter)
            named[parameter] = value if isinstance(value, list) else []
        known = set(records.columns)
        for parameter, columns in named.items():
            for column in columns:
                if column is not None and column not in known:
                    raise UserError(
                        f"source.{parameter}: {records.path} has no column {column!r}; it has {records.columns[:100]}"
                    )
        used = {column for columns in named.values() for column in columns}
        others = [column for column in records.columns if column not in used]
        labels, attributes = (
            others if value == ALL_OTHERS else list(value or [])
            for value in (self.label_columns, self.attribute_columns)
        )
        of_label = {name: f"of_label_{name}" for name in self.of_label_columns}
        return labels, {**dict(zip(attributes, attributes, strict=True)), **of_label}

    def _check_lists(self, records: Records) -> None:
        """Refuses fields that look like lists unless `label_separator` says how they are read."""
        if self.label_column is None or self.label_separator is not None:
            return
        texts = [text for row in records.rows if isinstance(text := row.get(self.label_column), str) and text.strip()]
        lists = [text for text in texts if is_list(text)]
        if 2 * len(lists) > len(texts):
            raise UserError(
                f"source.label_column: the column {self.label_column!r} of {records.path} holds lists such as "
                f"{lists[0][:80]!r}; set source.label_separator to '[]', or to '' where each is one label"
            )

    def _attribute(self, value: Any, kind: NumberKind | None, cell: Any) -> Any:
        """As `as_attribute`; of typed cells an empty text is a value."""
        return value if self.typed and cell else as_attribute(value, kind)

    def _labels(self, row: dict[str, Any], label_columns: list[str], where: str) -> dict[str, Any]:
        """`labels`, and `negative` where the row says that none applies."""
        if self.label_column is None:
            found = [name for name in label_columns if _is_set(row.get(name), f"{where}, column {name!r}")]
            is_filled = any(as_text(row.get(name)) is not None for name in label_columns)
            found = [typed_cells.read_text(name) for name in found] if self.typed else found
            return mark_negatives(found, self.empty if is_filled else "unlabelled")
        value = row.get(self.label_column)
        if any(isinstance(one, (dict, list)) for one in (value if isinstance(value, list) else [value])):
            raise UserError(
                f"{where}: a label must be a text or a list of texts, found {value!r}; set source.label_column"
            )
        if isinstance(value, list):
            found = [text for text in map(as_text, value) if text is not None]
        else:
            found = split_labels(as_text(value) or "", self.label_separator)
        return {"labels": [label for label in found if label.strip() not in self.missing]}


def _path(value: Any, where: str) -> str:
    if isinstance(value, (bool, list, dict)):
        raise UserError(f"{where}: the picture's path must be a text, found {value!r}; set source.image_column")
    return as_text(value) or ""


def _is_set(value: Any, where: str) -> bool:
    text = (as_text(value) or "").strip().lower()
    if text not in YES | NO:
        raise UserError(
            f"{where}: expected 0 or 1 (true, false), found {value!r}; correct it or set source.label_columns"
        )
    return text in YES


def _split(value: Any, where: str) -> str | None:
    text = as_text(value)
    if text is None:
        return None
    split = part_named(text)
    if split is None:
        raise UserError(f"{where}: the split must be empty, train, val or test, found {text!r}")
    return split
