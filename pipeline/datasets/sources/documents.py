"""Reads text and JSON that other tools wrote; errors name the file and the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.core.delimited_text import decode_text
from pipeline.core.errors import UserError

MAX_DOCUMENT_BYTES = 2 * 1024**3


def read_document(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        UserError: As `check_document`.
    """
    check_document(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"source.path {str(path)!r} cannot be read: {error.strerror}") from None


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        UserError: As `check_document`, or it is not UTF-8.
    """
    return decode_text(read_document(path), path)


def check_document(path: Path) -> int:
    """The size of a file in bytes.

    Raises:
        UserError: It does not exist, cannot be read, or has more than 2 GiB.
    """
    where = f"source.path {str(path)!r}"
    try:
        if not path.is_file():
            raise UserError(f"{where} is not a file; set it to the file that the annotation tool wrote")
        size = path.stat().st_size
    except OSError as error:
        raise UserError(f"{where} cannot be read: {error.strerror}") from None
    if size > MAX_DOCUMENT_BYTES:
        raise UserError(f"{where} has {size} bytes, at most {MAX_DOCUMENT_BYTES} are read; cut it into parts")
    return size


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: It cannot be read or is not JSON.
    """
    return parse_json(read_text(path), str(path))


def parse_json(text: str, where: str) -> Any:
    """The content of a JSON text.

    Args:
        text: The text.
        where: File, and perhaps line, for messages.

    Raises:
        UserError: It is not JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise UserError(f"{where}: not valid JSON at {place} ({error.msg}); export it again") from None
    except (
        ValueError,
        RecursionError,
    ) as error:  # a number of thousands of digits; brackets nested a hundred thousand times
        raise UserError(f"{where}: not readable JSON ({str(error) or type(error).__name__}); export it again") from None


def expect(value: Any, kind: type, where: str) -> Any:
    """The value itself, after a check of its type.

    Raises:
        UserError: It has another type.
    """
    if not isinstance(value, kind):
        names: dict[type, str] = {list: "a list", dict: "an object", str: "a text"}
        raise UserError(f"{where}: expected {names[kind]}, found {_short(value)}; export it again")
    return value


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
