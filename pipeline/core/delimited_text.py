"""Reads text and tables that people or other tools wrote; errors name the line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.core.errors import UserError

IN_WORDS = {",": "comma", "\t": "tab", ";": "semicolon"}
Rows = tuple[list[str], list[dict[str, str]], list[int]]


def decode_text(data: bytes, path: Path) -> str:
    """UTF-8 text, with or without a byte order mark.

    Raises:
        UserError: Another encoding, with the first line that shows it.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        guess = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "LATIN1"
        raise UserError(
            f"{path}: line {line} is not UTF-8 (byte 0x{data[error.start]:02x}); save the file as UTF-8, "
            f"for example with iconv -f {guess} -t UTF-8"
        ) from None


def split_rows(
    path: Path,
    text: str,
    separator: str = ",",
    whole: bool = True,
    header: bool = True,
    max_rows: int = 10_000_000,
    max_columns: int = 1_000,
) -> Rows:
    """The columns, the rows (column to field) and the line where each row starts; empty lines are passed over.

    Args:
        path: For messages.
        text: With a line of columns, or without one.
        separator: One character between fields.
        whole: False for the beginning of a file, which may end within a quoted field.
        header: Whether the first line names the columns; else they are column_1, column_2 and so on.
        max_rows: More raise an error, before they are read.
        max_columns: As `max_rows`.

    Raises:
        UserError: A damaged row, two columns of one name, or too many rows or columns.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    columns: list[str] = []
    rows: list[dict[str, str]] = []
    lines, line = [], 1
    try:
        for fields in reader:
            start, line = line, reader.line_num + 1
            if not any(fields):
                continue
            if not columns:
                columns = _columns(fields, header, max_columns, f"{path}: line {start}")
                if header:
                    continue
            if len(fields) != len(columns):
                raise UserError(
                    f"{path}: line {start} has {len(fields)} fields, expected {len(columns)} as in its first line; "
                    f"quote fields that hold a {IN_WORDS.get(separator, repr(separator))}, or mend the line"
                )
            if len(rows) == max_rows:
                raise UserError(f"{path} {is_beyond('rows', max_rows)}")
            rows.append(dict(zip(columns, fields, strict=True)))
            lines.append(start)
    except csv.Error as error:
        if rows and not whole:
            return columns, rows, lines
        raise UserError(f"{path}: line {line} is damaged ({error}); look for a quote that is not closed") from None
    return columns, rows, lines


def join_rows(rows: Iterable[Sequence[str]]) -> str:
    """Rows of fields as lines that `split_rows` reads; a line feed ends each, whatever the system."""
    text = io.StringIO()
    plain = csv.writer(text, lineterminator="\n")
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for fields in rows:
        has_return = any("\r" in one for one in fields)  # which Python's writer does not quote before a line feed
        (quoted if has_return else plain).writerow(fields)
    return text.getvalue()


def is_beyond(what: str, most: int) -> str:
    """The end of a message about a table that is larger than `source.max_rows` or `source.max_columns` allows."""
    return f"has more than {most:,} {what}, which is all that is read; cut it into parts, or raise source.max_{what}"


def _columns(fields: list[str], header: bool, max_columns: int, where: str) -> list[str]:
    """The names of the columns."""
    if len(fields) > max_columns:
        raise UserError(
            f"{where} has {len(fields):,} columns, at most {max_columns:,} are read; leave out those that say nothing "
            "of a picture, or raise source.max_columns"
        )
    if not header:
        return [f"column_{number}" for number in range(1, len(fields) + 1)]
    columns = [name.strip() for name in fields]
    if len(set(columns)) < len(columns):
        repeated = next(name for name in columns if columns.count(name) > 1)
        raise UserError(f"{where} names the column {repeated!r} twice; rename one")
    return columns
