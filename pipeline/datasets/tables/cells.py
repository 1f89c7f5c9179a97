"""The values of cells of a table: texts, numbers and labels."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pipeline.core.labels import parse_list
from pipeline.datasets.tables.records import Records

LISTS = "[]"  # as a separator: fields are lists in brackets
NUMBERS = {
    "point": re.compile(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,17})?"),  # not 007, which is a name
    "comma": re.compile(r"-?(0|[1-9][0-9]{0,15})(,[0-9]{1,17})?"),
}
NumberKind = Literal["point", "comma"]


def as_text(value: Any) -> str | None:
    """A cell as text; None where it is empty."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # Parquet stores whole numbers with gaps as floats
    return str(value)


def split_labels(text: str, separator: str | None) -> list[str]:
    """The labels of a field, possibly with blanks around them; see `Table.label_separator`."""
    if separator == LISTS:
        return parse_list(text)
    if separator == " ":
        return text.split()
    return text.split(separator) if separator else [text]


def number_kinds(tables: Sequence[Records], columns: Iterable[str]) -> dict[str, NumberKind]:
    """How columns of text tables write numbers: with a decimal point or a comma.

    Columns with a field that is no number are left out.
    """
    found = {name: _number_kind(row.get(name) for records in tables for row in records.rows) for name in columns}
    return {name: kind for name, kind in found.items() if kind is not None}


def _number_kind(cells: Iterable[Any]) -> NumberKind | None:
    kinds: list[NumberKind] = ["point", "comma"]
    is_filled = False
    for cell in cells:
        if cell in (None, ""):
            continue
        is_filled = True
        kinds = [kind for kind in kinds if isinstance(cell, str) and NUMBERS[kind].fullmatch(cell)]
        if not kinds:
            return None
    return kinds[0] if is_filled else None


def as_attribute(value: Any, kind: NumberKind | None) -> Any:
    """A cell as an attribute; None where it is empty.

    Args:
        value: Of the cell.
        kind: How its column writes numbers; None for a column of other values.
    """
    if value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str) and kind:
        return float(value.replace(",", ".") if kind == "comma" else value)
    return value
