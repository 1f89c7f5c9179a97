"""Text that people and other tools wrote, and the rows of a table in it, with the line of what is wrong."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from pipeline.core.errors import UserError

Rows = tuple[list[str], list[dict[str, str]], list[int]]


def decoded(data: bytes, path: Path) -> str:
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


def separated(path: Path, text: str, separator: str = ",", whole: bool = True) -> Rows:
    """The columns, the rows (column to field) and the line where each row starts; empty lines are passed over.

    Args:
        path: For messages.
        text: With a line of columns.
        separator: One character between fields.
        whole: False for the beginning of a file, which may end within a quoted field.

    Raises:
        UserError: A damaged row, or two columns of one name.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    columns: list[str] = []
    rows, lines, line = [], [], 1
    try:
        for fields in reader:
            start, line = line, reader.line_num + 1
            if not any(fields):
                continue
            if not columns:
                columns = [name.strip() for name in fields]
                repeated = [name for name in columns if columns.count(name) > 1]
                if repeated:
                    raise UserError(f"{path}: line {start} names the column {repeated[0]!r} twice; rename one")
                continue
            if len(fields) != len(columns):
                raise UserError(
                    f"{path}: line {start} has {len(fields)} fields, expected {len(columns)} as in its first line; "
                    f"quote fields that hold a {'tab' if separator == chr(9) else 'comma'}, or mend the line"
                )
            rows.append(dict(zip(columns, fields, strict=True)))
            lines.append(start)
    except csv.Error as error:
        if rows and not whole:
            return columns, rows, lines
        raise UserError(f"{path}: line {line} is damaged ({error}); look for a quote that is not closed") from None
    return columns, rows, lines
