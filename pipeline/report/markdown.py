"""Markdown from facts: every text of the data set or of a person is escaped, so that it is shown and never obeyed."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

SPECIAL = re.compile(r"([\\`*_\[\]|~])")  # of Markdown; <, > and & are escaped for HTML
AT_START = re.compile(r"^(\d*)([#+=.)-])(?=\s|$|[#=-])")  # headings, lists and rules
LINK = re.compile(r"(?i)\b(https?|ftp|javascript|data):")  # what renderers make links of


def escape(text: object) -> str:
    """A text on one line that Markdown and HTML show as it is."""
    line = html.escape(" ".join(str(text).split()), quote=False)
    line = re.sub(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", "", line)  # controls, and what turns text around
    line = SPECIAL.sub(r"\\\1", line)
    return LINK.sub(r"\1&#58;", AT_START.sub(r"\1\\\2", line))


def paragraphs(text: str) -> str:
    """A person's text, paragraph by paragraph."""
    return "\n\n".join(escape(part) for part in re.split(r"\n\s*\n", text.strip()) if part.strip())


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; its cells are escaped."""
    lines = [f"| {' | '.join(map(escape, head))} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(escape, row))} |" for row in rows)])


def bullets(items: Iterable[str]) -> str:
    """A list; its items are Markdown, escaped by the caller where they hold text from outside."""
    return "\n".join(f"* {item}" for item in items)
