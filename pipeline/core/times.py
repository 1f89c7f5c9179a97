"""Times in the arguments of commands."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime


def read_time(text: str) -> datetime:
    """A time with its zone; UTC where none is named.

    Raises:
        ArgumentTypeError: It is no time.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time such as 2026-03-01T03:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
