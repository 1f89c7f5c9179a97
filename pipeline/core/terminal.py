"""Prints text on the terminal, without credentials or control characters; nothing else prints.

The beginning of a line, up to the first colon or two blanks, gets a colour where the terminal has colours. NO_COLOR
switches colours off, FORCE_COLOR switches them on (no-color.org, force-color.org). On a terminal long lines are wrapped
at blanks, with an indent; in a log each line stays one line.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from textwrap import wrap
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from pipeline.core.uris import mask_credentials

if TYPE_CHECKING:
    from rich.console import Console

BAR_WIDTH, LEAST_BAR = 40, 8
MARGIN = 14  # columns of a bar chart for numbers, blanks and an indent
NAME_WIDTH = 40
HEAD = re.compile(r"[^\s:][^:]{0,39}?(?=: |  )(?:: warning, [^:]{1,40}(?=:| cannot))?")  # `train`, `check: warning, x`
INDENT = 2  # blanks before the rest of a wrapped line, more than before its beginning
COMMAND = re.compile(r"\s*(?:colibri|curl|dvc|git|make|python|pip|uv|printf|\|) \S")  # is copied, so never wrapped
UNIT = re.compile(r"(?<=\d) (?=(?:s|min|h|%)(?!\w))|(?<=min) (?=\d+ s)")  # the blank in 0.9 s and in 2 min 48 s
NO_BREAK = "\u00a0"  # textwrap does not break at it
LEAST_WIDTH = 20  # columns; a narrower terminal wraps by itself


def say(*lines: str, style: str = "bold") -> None:
    """Prints each on one line of its own, without credentials.

    Args:
        lines: Texts.
        style: Of the beginning of each line, as Rich has it: "bold green" for a success.

    Raises:
        BrokenPipeError: Nobody reads it. A stage goes on: whoever called DVC is gone, and its work is wanted.
    """
    try:
        print(*(_format(line, sys.stdout, style) for line in lines), sep="\n", flush=True)
    except BrokenPipeError:
        if "DVC_STAGE" not in os.environ:
            raise
        _silence(sys.stdout)


def warn(line: str) -> None:
    """Prints one line to stderr, without credentials; a terminal that was closed is no reason to stop."""
    _print_error(line, "yellow")


def note(line: str) -> None:
    """Prints one line to stderr that explains the line before it, as `warn` does."""
    _print_error(line, "")


def fail(line: str) -> None:
    """Prints one line about an error, as `warn` does."""
    _print_error(line, "bold red")


def _print_error(line: str, style: str) -> None:
    try:
        print(_format(line, sys.stderr, style), file=sys.stderr, flush=True)
    except BrokenPipeError:
        _silence(sys.stderr)
    except (OSError, ValueError):
        pass


def _silence(stream: TextIO) -> None:
    """Lets what is written from here on, and what waits to be, go nowhere; else the process would end with 120."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def is_interactive(stream: TextIO) -> bool:
    """Whether a person looks at the stream, on a terminal that can move its cursor."""
    stream = getattr(stream, "rich_proxied_file", stream)  # while a bar is shown
    with suppress(AttributeError, OSError, ValueError):  # closed, or another object in its place
        return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
    return False


def _format(line: str, stream: TextIO, style: str) -> str:
    """The line as it is printed: wrapped and coloured as far as the stream allows."""
    line = escape_control_characters(mask_credentials(line))
    if not (is_interactive(stream) or os.environ.get("FORCE_COLOR")):
        return line
    from rich.text import Text

    screen = console(stream)
    rows = _wrap(line, screen.width) if is_interactive(stream) else [line]
    text = Text("\n".join(rows))
    if (head := HEAD.match(line)) and head.end() <= len(rows[0]):
        text.stylize(style, 0, head.end())
    with screen.capture() as printed:
        screen.print(text, end="", soft_wrap=True)
    return printed.get()


def _wrap(line: str, columns: int) -> list[str]:
    """Rows of at most so many columns; a word that is longer, such as an address, keeps a row of its own.

    A number stays with its unit.
    """
    indent = len(line) - len(line.lstrip()) + INDENT
    if len(line) <= columns or columns - indent < LEAST_WIDTH or COMMAND.match(line):
        return [line]
    rest = " " * indent
    whole = UNIT.sub(NO_BREAK, line)
    rows = wrap(whole, columns, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)
    return [row.replace(NO_BREAK, " ") for row in rows] or [line]


def console(stream: TextIO) -> Console:
    """Rich's view of the stream: its width, and the colours that it takes."""
    from rich.console import Console

    return Console(file=stream, highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")


def width(stream: TextIO) -> int:
    """Columns of the terminal; so many that every line fits where it is none."""
    return console(stream).width if is_interactive(stream) else sys.maxsize


def show_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Prints a traceback, as `sys.excepthook` does: the text of an error of ours may hold names from anywhere."""
    for line in "".join(traceback.format_exception(kind, error, trace)).splitlines():
        with suppress(OSError, ValueError):
            print(escape_control_characters(mask_credentials(line)), file=sys.stderr, flush=True)


def escape_control_characters(text: str) -> str:
    """The text on one line, with escapes for what would move the cursor, change colours or turn the direction."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def truncate(text: str, width: int = NAME_WIDTH) -> str:
    """The text with escaped control characters, cut to `width` characters."""
    shown = escape_control_characters(text)
    return shown if len(shown) <= width else f"{shown[: width - 3]}..."


def count_of(number: int, singular: str, plural: str = "") -> str:
    """1 class, 2 classes."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def bar_chart(counts: Mapping[str, int], first: int = 20, last: int = 5) -> list[str]:
    """A line with a bar for each count, in the given order; of more than `first` + `last` the middle is left out."""
    names = [*counts]
    left_out = len(names) - first - last
    if left_out > 1:
        names = [*names[:first], *names[-last:]]
    widest, longest = max(map(len, map(truncate, names)), default=0), max(counts.values(), default=1)
    room = max(min(BAR_WIDTH, width(sys.stdout) - widest - MARGIN), LEAST_BAR)
    lines = [
        f"{truncate(name):{widest}s} {number:>9,} {'#' * round(number / max(longest, 1) * room)}".rstrip()
        for name, number in ((one, counts[one]) for one in names)
    ]
    return [*lines[:first], f"... {left_out:,} more ...", *lines[first:]] if left_out > 1 else lines


def pass_through(stream: int, chunk: bytes) -> None:
    """Writes what a child process printed, bars included, to this process's stdout (1) or stderr (2)."""
    with suppress(OSError):  # a terminal that was closed: the log still takes it
        while chunk:
            chunk = chunk[os.write(stream, chunk) :]
