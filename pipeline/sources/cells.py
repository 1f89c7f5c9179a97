"""What a cell of a table says: a text, a number, labels."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

from pipeline.core.labels import parse_list
from pipeline.sources.records import Records

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
    """The labels of a field, blanks around them or not; see `Table.label_separator`."""
    if separator == LISTS:
        return parse_list(text)
    if separator == " ":
        return text.split()
    return text.split(separator) if separator else [text]


def number_kind(records: Records, column: str) -> NumberKind | None:
    """How a column writes numbers, where every field of it is text that is one, as in a CSV file all are text."""
    cells = [value for row in records.rows if (value := row.get(column)) not in (None, "")]
    for kind in ("point", "comma"):
        if cells and all(isinstance(one, str) and NUMBERS[kind].fullmatch(one) for one in cells):
            return kind
    return None


def as_attribute(value: Any, kind: NumberKind | None) -> Any:
    """A cell as an attribute; None where it is empty.

    Args:
        value: Of the cell.
        kind: How its column writes numbers; None where it does not.
    """
    if value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str) and kind:
        return float(value.replace(",", ".") if kind == "comma" else value)
    return value
