"""The rows of a CSV, TSV, JSONL or Parquet file, each with the line it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from pipeline.core.errors import UserError
from pipeline.core.text import decoded, separated
from pipeline.sources.documents import expect, parse_json, read_document

FORMATS = {".csv": ",", ".tsv": "\t", ".jsonl": None, ".ndjson": None, ".parquet": None}


@final
@dataclass(frozen=True)
class Records:
    """A table as it stands in a file.

    Attributes:
        path: Of the file.
        columns: In the order of the file.
        rows: Column to value, for each row; text in CSV and TSV.
        lines: The line where each row starts; in Parquet its number from 1.
    """

    path: Path
    columns: list[str]
    rows: list[dict[str, Any]]
    lines: list[int]

    def where(self, position: int) -> str:
        """File and line of a row, for messages."""
        return f"{self.path}: {'row' if self.path.suffix.lower() == '.parquet' else 'line'} {self.lines[position]}"


def read_records(path: Path) -> Records:
    """The table in a file; its extension says what it is.

    Raises:
        UserError: Another extension, a file that cannot be read, a damaged row, or no row at all.
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise UserError(f"source.path {str(path)!r} has the extension {kind!r}; expected one of {list(FORMATS)}")
    data = read_document(path)
    if kind == ".parquet":
        records = _parquet(path, data)
    elif kind in (".csv", ".tsv"):
        records = Records(path, *separated(path, decoded(data, path), FORMATS[kind] or ","))
    else:
        records = _json_lines(path, decoded(data, path))
    if not records.rows:
        raise UserError(f"{path} has no row; expected one for each picture")
    return records


def first_records(path: Path, data: bytes, size: int) -> Records:
    """The rows at the beginning of a table of text, as far as a piece of it goes.

    Args:
        path: Of the table; its extension says what it is.
        data: Its first bytes.
        size: How many were asked for; with fewer the piece is the whole.

    Raises:
        UserError: What `read_records` raises for these rows.
    """
    text = decoded(data if len(data) < size else data[: data.rfind(b"\n") + 1], path)
    separator = FORMATS[path.suffix.lower()]
    return (
        _json_lines(path, text) if separator is None else Records(path, *separated(path, text, separator, whole=False))
    )


def _json_lines(path: Path, text: str) -> Records:
    rows, lines = [], []
    for line, one in enumerate(text.split("\n"), start=1):  # splitlines would also cut at odd characters within a text
        if one.strip():
            rows.append(expect(parse_json(one, f"{path}: line {line}"), dict, f"{path}: line {line}"))
            lines.append(line)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return Records(path, columns, [{name: row.get(name) for name in columns} for row in rows], lines)


def first_of_parquet(path: Path, num_rows: int) -> Records:
    """The first rows of a Parquet file, without reading the others.

    Raises:
        UserError: It cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            batch = next(file.iter_batches(batch_size=num_rows), None)
            rows = [] if batch is None else batch.to_pylist()
            return Records(path, [str(name) for name in file.schema_arrow.names], rows, list(range(1, len(rows) + 1)))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())
    return UserError(f"{path}: not a readable Parquet file ({reason}); write it again")


def _parquet(path: Path, data: bytes) -> Records:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(data))
        rows = table.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    return Records(path, [str(name) for name in table.column_names], rows, list(range(1, len(rows) + 1)))
