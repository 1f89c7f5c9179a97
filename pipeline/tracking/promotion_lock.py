"""One process at a time decides about champions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.core.output_lock import LOCKS
from pipeline.core.uris import sqlite_path
from pipeline.tracking.connection import root, tracking_uri
from pipeline.tracking.store_lock import lock_store

WAIT = 900.0  # seconds; a champion may have to be scored again


@contextmanager
def lock_promotions(wait: float = WAIT) -> Iterator[None]:
    """In this block no other process registers or promotes; the system releases the lock when the process ends.

    The lock is a file next to the store, for every process that opens that SQLite file. Of another store there is a
    file of this checkout, and a lock in the store itself for other machines (`store_lock`).

    Args:
        wait: Seconds at most.

    Raises:
        UserError: Another process still decides after `wait` seconds, or the file cannot be made.
    """
    from filelock import FileLock, Timeout

    place = lock_file()
    lock = FileLock(place, timeout=wait)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UserError(
            f"another process decides about a champion and has not ended in {wait:.0f} s ({place}); wait until it has, "
            "then run again"
        ) from None
    except OSError as error:
        raise UserError(
            f"{place} cannot be made ({error.strerror or error}); make its folder writable, or set MLFLOW_TRACKING_URI "
            "to another store"
        ) from None
    try:
        with lock_store(wait) if sqlite_path(tracking_uri()) is None else nullcontext():
            yield
    finally:
        lock.release()


def lock_file() -> Path:
    """Where the lock is: next to an SQLite store, else in the main checkout."""
    database = sqlite_path(tracking_uri())
    if database is not None:
        return database.with_name(f"{database.name}.promotion.lock")
    return root() / LOCKS / "promotion.lock"
