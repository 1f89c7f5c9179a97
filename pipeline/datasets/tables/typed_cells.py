"""Cells of a text table that keep the type of their value, and that no spreadsheet computes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

QUOTE = "'"  # begins a text that would else be read as something else; spreadsheets have the same rule
FORMULA = re.compile(
    r"[=+\-@\t\r\n]"
)  # begins what a spreadsheet would compute, owasp.org/www-community/attacks/CSV_Injection
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
TRUTH = {"true": True, "false": False}


def write_cell(value: str | float | bool) -> str:
    """A cell that `read_cell` reads as the same value.

    A text gets an apostrophe before it where it is empty, begins with one, is a number or a truth value by its
    letters, or begins like a formula.

    Args:
        value: A text, a finite number or a truth value.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return repr(float(value))
    return QUOTE + value if not value or value.startswith(QUOTE) or FORMULA.match(value) or _is_typed(value) else value


def read_cell(text: str) -> str | float | bool:
    """The value of a cell: a text after an apostrophe, a number, a truth value, or else the text itself."""
    if text.startswith(QUOTE):
        return text.removeprefix(QUOTE)
    if not _is_typed(text):
        return text
    return TRUTH[text.lower()] if text.lower() in TRUTH else float(text)


def write_text(text: str) -> str:
    """A cell that `read_text` reads as the same text: an apostrophe goes before what a spreadsheet would compute."""
    is_formula = FORMULA.match(text) is not None and NUMBER.fullmatch(text) is None
    return QUOTE + text if is_formula or text.startswith(QUOTE) else text


def read_text(text: str) -> str:
    """The cell as a text, whatever it looks like."""
    return text.removeprefix(QUOTE)


def read_row(row: Mapping[str, Any], attributes: Collection[str]) -> JsonObject:
    """A row of cells as texts, and those of attributes as values; an empty cell is empty."""
    return {
        name: cell
        if not (cell and isinstance(cell, str))
        else read_cell(cell)
        if name in attributes
        else read_text(cell)
        for name, cell in row.items()
    }


def _is_typed(text: str) -> bool:
    return text.lower() in TRUTH or NUMBER.fullmatch(text) is not None
