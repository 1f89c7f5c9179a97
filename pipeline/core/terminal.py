"""Prints text on the terminal, without credentials or control characters; nothing else prints."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType

from pipeline.core.uris import mask_credentials

BAR_WIDTH = 40
NAME_WIDTH = 40


def say(*lines: str) -> None:
    """Prints each on one line of its own, without credentials."""
    print("\n".join(escape_control_characters(mask_credentials(line)) for line in lines), flush=True)


def warn(line: str) -> None:
    """Prints one line to stderr, without credentials; a terminal that was closed is no reason to stop."""
    with suppress(OSError, ValueError):
        print(escape_control_characters(mask_credentials(line)), file=sys.stderr, flush=True)


def show_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Prints a traceback, as `sys.excepthook` does: the text of an error of ours may hold names from anywhere."""
    for line in "".join(traceback.format_exception(kind, error, trace)).splitlines():
        warn(line)


def escape_control_characters(text: str) -> str:
    """The text on one line, with escapes for what would move the cursor, change colours or turn the direction."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def truncate(text: str, width: int = NAME_WIDTH) -> str:
    """The text with escaped control characters, cut to `width` characters."""
    shown = escape_control_characters(text)
    return shown if len(shown) <= width else f"{shown[: width - 3]}..."


def bar_chart(counts: Mapping[str, int], first: int = 20, last: int = 5) -> list[str]:
    """A line with a bar for each count, in the given order; of more than `first` + `last` the middle is left out."""
    names = [*counts]
    left_out = len(names) - first - last
    if left_out > 1:
        names = [*names[:first], *names[-last:]]
    widest, longest = max(map(len, map(truncate, names)), default=0), max(counts.values(), default=1)
    lines = [
        f"{truncate(name):{widest}s} {number:>9,} {'#' * round(number / max(longest, 1) * BAR_WIDTH)}".rstrip()
        for name, number in ((one, counts[one]) for one in names)
    ]
    return [*lines[:first], f"... {left_out:,} more ...", *lines[first:]] if left_out > 1 else lines


def pass_through(stream: int, chunk: bytes) -> None:
    """Writes what a child process printed, bars included, to this process's stdout (1) or stderr (2)."""
    with suppress(OSError):  # a terminal that was closed: the log still takes it
        while chunk:
            chunk = chunk[os.write(stream, chunk) :]
