"""Infers the format of a text table from its text: the encoding, the delimiter, and whether it has a header."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import final

from pipeline.core.delimited_text import decode_text
from pipeline.core.errors import UserError
from pipeline.datasets.discovery.sample_suffixes import SAMPLE_SUFFIXES, suffix

DELIMITERS = (",", ";", "\t", "|")
MAX_TEXT = 256 * 1024  # characters that are examined
MAX_ROWS = 200
MIN_ALIKE = 0.9  # of the rows must have the same number of fields, for the right delimiter
MARKS = ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")
Row = list[str]


def decode(data: bytes, path: Path, encoding: str | None = None) -> str:
    """The text of a table.

    Args:
        data: All of it, or its beginning.
        path: For messages.
        encoding: A name that Python knows; None: UTF-16 and UTF-32 where the bytes show it, else UTF-8.

    Raises:
        UserError: It is not in that encoding.
    """
    encoding = encoding or _wide(data)
    if encoding is None:
        try:
            return decode_text(data, path)
        except UserError as error:
            raise UserError(f"{error}, or set source.encoding, for example to cp1252") from None
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except (UnicodeError, LookupError) as error:
        raise UserError(f"{path} is not {encoding} ({error}); set source.encoding, or save it as UTF-8") from None


def decode_start(data: bytes, path: Path, encoding: str | None = None) -> str:
    """The complete lines at the beginning of a table that is cut off after `data`."""
    used = encoding or _wide(data)
    if used is None:
        return decode(data[: data.rfind(b"\n") + 1], path)
    text = data[: len(data) // 4 * 4].decode(used, errors="ignore").removeprefix("\ufeff")
    return text[: text.rfind("\n") + 1]


def is_encoding(name: str) -> bool:
    """Whether Python knows an encoding of text by this name."""
    try:
        "a".encode(name)
        return isinstance(b"a".decode(name, errors="ignore"), str)
    except (LookupError, UnicodeError, ValueError):
        return False


def _wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32, by a byte order mark or by the zero byte of each ASCII letter; else None."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding
    start = data[:512]
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(start) > 1 and not any(start[first::2]) and all(start[1 - first :: 2]):
            return encoding
    return None


@final
class Head:
    """The first rows of a text table, as each delimiter would split them."""

    def __init__(self, text: str):
        self.text = text if len(text) <= MAX_TEXT else text[: text.rfind("\n", 0, MAX_TEXT) + 1]

    def rows(self, delimiter: str) -> list[Row]:
        """At most the first 200 rows; fewer where one is damaged."""
        rows: list[Row] = []
        try:
            reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=delimiter, strict=True)
            rows.extend(islice((row for row in reader if any(row)), MAX_ROWS))
        except csv.Error:
            pass
        return rows

    def delimiter(self, usual: str) -> str:
        """The delimiter that gives nearly all rows the same number of fields.

        Among several, one that gives a column of picture files goes first, then the usual one, then the one of most
        fields.

        Args:
            usual: The delimiter that the extension of the file suggests.
        """
        best, chosen = (False, False, 0), usual
        for one in DELIMITERS:
            rows = self.rows(one)
            width, number = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
            if width > 1 and number >= MIN_ALIKE * len(rows):
                columns = zip(*(row for row in rows if len(row) == width), strict=True)
                found = (any(name_pictures(column) for column in columns), one == usual, width)
                best, chosen = max((best, chosen), (found, one), key=lambda entry: entry[0])
        return chosen

    def header(self, delimiter: str) -> bool:
        """Whether the first row names the columns: it differs from the rows below it."""
        rows = self.rows(delimiter)
        if not rows:
            return True
        first, *others = rows
        if any(suffix(cell.strip()) in SAMPLE_SUFFIXES for cell in first):
            return False
        if all(NUMBER.fullmatch(cell.strip()) for cell in first):
            return any(map(name_pictures, zip(*others, strict=False)))
        for cell, below in zip(first, zip(*others, strict=False), strict=False):
            cells = [one for one in below if one]
            if (
                cell
                and not NUMBER.fullmatch(cell)
                and cells
                and (name_pictures(cells) or all(map(NUMBER.fullmatch, cells)))
            ):
                return True
        repeated = [cell in below for cell, below in zip(first, zip(*others, strict=False), strict=False)]
        named = [cell != "" and not NUMBER.fullmatch(cell) for cell in first]
        return first in others or not any(both and name for both, name in zip(repeated, named, strict=False))


def name_pictures(texts: tuple[str, ...] | list[str]) -> bool:
    """Whether most texts end like a picture's file."""
    return 2 * sum(suffix(text.strip()) in SAMPLE_SUFFIXES for text in texts) > len(texts)
