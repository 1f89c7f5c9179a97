"""CSV files that only grow: reading them, and adding lines of which a process that is ended leaves all or none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.core.delimited_text import decode_text, join_rows, split_rows
from pipeline.core.errors import UserError
from pipeline.core.output_lock import LOCKS


def read_lines(path: Path, columns: Sequence[str]) -> list[tuple[dict[str, str], str]]:
    """Column to cell of each line, with the file and the line for messages; nothing where there is no file.

    Raises:
        UserError: It cannot be read, or lacks a column.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    found, rows, lines = split_rows(path, decode_text(data, path))
    missing = [name for name in columns if name not in found]
    if missing:
        raise UserError(f"{path}: line 1 names no column {missing[0]!r}; it must name {','.join(columns)}")
    return [(row, f"{path}: line {line}") for row, line in zip(rows, lines, strict=True)]


def append_lines(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Adds lines with these cells, in the order of `columns`, to a file that is made where there is none.

    One process at a time does it, and the lines are on the disk when it returns.

    Raises:
        UserError: The file cannot be read or written, or has other columns; then no line is added.
    """
    from filelock import FileLock

    text = join_rows(rows).encode()
    if not text:
        return
    LOCKS.mkdir(parents=True, exist_ok=True)
    with FileLock(LOCKS / f"{path.stem}.lock"):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _append(path, join_rows([columns]).encode(), text)
        except OSError as error:
            raise UserError(f"{path} cannot be written, and no line was added: {error.strerror}") from None


def _append(path: Path, head: bytes, text: bytes) -> None:
    with path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            _check_head(path, head)
            file.seek(size - 1)
            text = text if file.read(1) == b"\n" else b"\n" + text  # an editor may leave the last line open
        try:
            file.write(text if size else head + text)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), size)  # a full disk takes half a line
            raise


def _check_head(path: Path, head: bytes) -> None:
    with path.open("rb") as file:
        first = file.readline().removeprefix(b"\xef\xbb\xbf").strip()
    if first != head.strip():
        raise UserError(f"{path}: line 1 must be {head.decode().strip()!r}, found {first.decode(errors='replace')!r}")
