"""One retraining at a time in a project; the system releases the lock of a process that has ended, however it did."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import final

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.output_lock import LOCKS

LOCK, HOLDER = LOCKS / "retrain.lock", LOCKS / "retrain.json"


@final
class RetrainingRuns(UserError):
    """Another process retrains this project."""


@contextmanager
def lock_retraining(now: datetime) -> Iterator[None]:
    """In this block no other `colibri retrain` works in this folder.

    Raises:
        RetrainingRuns: Another process does; the message says which, and since when.
    """
    from filelock import FileLock, Timeout

    LOCKS.mkdir(parents=True, exist_ok=True)
    lock = FileLock(LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RetrainingRuns(f"{describe_holder()} retrains this project; nothing is done here") from None
    try:
        holder = {"process": os.getpid(), "host": socket.gethostname(), "started": now.isoformat(timespec="seconds")}
        artifacts.write_json(HOLDER, holder)
        yield
    finally:
        HOLDER.unlink(missing_ok=True)
        lock.release()


def describe_holder(path: Path = HOLDER) -> str:
    """Who holds the lock, as its record says: `process 12 of HOST, since 2026-01-01T03:00:00+00:00,`."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return f"process {int(found['process'])} of {found['host']}, since {found['started']},"
    return "another process"
