"""The rows of a CSV, TSV, JSONL or Parquet file, each with its line number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from pipeline.core.delimited_text import is_beyond, split_rows
from pipeline.core.errors import UserError
from pipeline.datasets.sources.documents import expect, parse_json, read_document
from pipeline.datasets.tables.dialects import Head, decode, decode_start
from pipeline.datasets.tables.parquet import read_parquet

FORMATS = {".csv": ",", ".tsv": "\t", ".jsonl": None, ".ndjson": None, ".parquet": None}
MAX_ROWS, MAX_COLUMNS = 10_000_000, 1_000


@final
@dataclass(frozen=True, kw_only=True)
class Form:
    """The format of a table, as far as a person sets it, and its bounds; see `Table`."""

    delimiter: str | None = None
    header: bool | None = None
    encoding: str | None = None
    max_rows: int = MAX_ROWS
    max_columns: int = MAX_COLUMNS


@final
@dataclass(frozen=True)
class Records:
    """The content of a table file.

    Attributes:
        path: Of the file.
        columns: In the order of the file.
        rows: Column to value for each row, without keys that JSONL leaves out; text in CSV and TSV.
        lines: The line where each row starts; in Parquet the row number from 1.
    """

    path: Path
    columns: list[str]
    rows: list[dict[str, Any]]
    lines: list[int]

    def where(self, position: int) -> str:
        """File and line of a row, for messages."""
        return f"{self.path}: {'row' if self.path.suffix.lower() == '.parquet' else 'line'} {self.lines[position]}"


def read_records(path: Path, form: Form) -> Records:
    """The table in a file; its extension gives the format.

    Raises:
        UserError: Another extension, a file that cannot be read or is beyond the bounds, a damaged row, or no row.
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise UserError(f"source.path {str(path)!r} has the extension {kind!r}; expected one of {list(FORMATS)}")
    if kind == ".parquet":
        records = Records(path, *read_parquet(path, form.max_rows, form.max_columns))
    else:
        records = _text(path, decode(read_document(path), path, form.encoding), form, whole=True)
    if not records.rows:
        raise UserError(f"{path} has no row; expected one for each picture")
    return records


def first_records(path: Path, data: bytes, size: int, form: Form) -> Records:
    """The complete rows in the first bytes of a text table.

    Args:
        path: Of the table; its extension gives the format.
        data: Its first bytes.
        size: Number of requested bytes; fewer in `data` mean that it is the whole file.
        form: As a person sets it.

    Raises:
        UserError: What `read_records` raises for these rows.
    """
    whole = len(data) < size
    text = decode(data, path, form.encoding) if whole else decode_start(data, path, form.encoding)
    return _text(path, text, form, whole=False)


def _text(path: Path, text: str, form: Form, whole: bool) -> Records:
    usual = FORMATS[path.suffix.lower()]
    if usual is None:
        return _json_lines(path, text, form)
    head = Head(text)
    delimiter = form.delimiter or head.delimiter(usual)
    header = head.header(delimiter) if form.header is None else form.header
    return Records(path, *split_rows(path, text, delimiter, whole, header, form.max_rows, form.max_columns))


def _json_lines(path: Path, text: str, form: Form) -> Records:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    columns: dict[str, None] = {}
    for line, one in enumerate(text.split("\n"), start=1):  # splitlines would also cut at odd characters within a text
        if one.strip():
            row = expect(parse_json(one, f"{path}: line {line}"), dict, f"{path}: line {line}")
            columns.update(dict.fromkeys(row))
            if len(columns) > form.max_columns:
                raise UserError(
                    f"{path}: up to line {line} its rows have {len(columns):,} different keys, at most "
                    f"{form.max_columns:,} are read; give all rows the same keys, or raise source.max_columns"
                )
            if len(rows) == form.max_rows:
                raise UserError(f"{path} {is_beyond('rows', form.max_rows)}")
            rows.append(row)
            lines.append(line)
    return Records(path, list(columns), rows, lines)


def first_of_parquet(path: Path, num_rows: int) -> Records:
    """The first rows of a Parquet file, without reading the others.

    Raises:
        UserError: It cannot be read, or is beyond the bounds.
    """
    return Records(path, *read_parquet(path, MAX_ROWS, MAX_COLUMNS, num_rows))
