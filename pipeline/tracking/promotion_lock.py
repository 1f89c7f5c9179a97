"""One process at a time decides about champions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.core.output_lock import LOCKS
from pipeline.core.uris import sqlite_path
from pipeline.tracking.connection import root, tracking_uri

WAIT = 900.0  # seconds; a champion may have to be scored again


@contextmanager
def lock_promotions(wait: float = WAIT) -> Iterator[None]:
    """In this block no other process registers or promotes; the system releases the lock when the process ends.

    The lock is a file next to the store, for every process that opens that SQLite file. A server keeps no lock for its
    clients: there it is a file of this checkout, for all processes of this checkout.

    Args:
        wait: Seconds at most.

    Raises:
        UserError: Another process still decides after `wait` seconds.
    """
    from filelock import FileLock, Timeout

    place = lock_file()
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(place, timeout=wait):
            yield
    except Timeout:
        raise UserError(
            f"another process decides about a champion and has not ended in {wait:.0f} s ({place}); wait until it has, "
            "then run again"
        ) from None


def lock_file() -> Path:
    """Where the lock is: next to an SQLite store, else in the main checkout."""
    database = sqlite_path(tracking_uri())
    if database is not None:
        return database.with_name(f"{database.name}.promotion.lock")
    return root() / LOCKS / "promotion.lock"
