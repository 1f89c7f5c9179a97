"""Lets one process at a time write a stage's outputs, and removes what killed processes left incomplete."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import final

from pipeline.core import artifacts, rank, terminal
from pipeline.core.errors import UserError

LOCKS = Path(".cache/locks")  # no artifacts: git and DVC ignore them
WAIT = 30.0  # seconds; a stage whose DVC was killed ends within a few
FOLDERS = (  # of what `atomic_write` makes
    *(Path(), Path("data"), artifacts.ASSIGNMENTS, Path("reports")),
    *(Path(".cache/ingest"), Path("conf/source"), Path("conf/experiment")),
)
TEMPORARY = re.compile(r"\..+\.(\d+)\.tmp")
TOLERANCE = 2.0  # seconds between the clocks of files and of processes


@final
class Busy(UserError):
    """Another process writes the same outputs."""


@contextmanager
def lock_outputs(name: str) -> Iterator[None]:
    """In this block no other process runs the stage in this folder; the system releases the lock when the process ends.

    Of processes that train together the first holds it for all.

    Raises:
        Busy: Another process still holds it after `WAIT` seconds.
    """
    from filelock import FileLock, Timeout

    if not rank.is_main_process():
        yield
        return
    LOCKS.mkdir(parents=True, exist_ok=True)
    lock = FileLock(LOCKS / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        terminal.warn(f"{name}: waiting for {_holder(name)}, which writes the same outputs")
        try:
            lock.acquire(timeout=WAIT)
        except Timeout:
            raise Busy(
                f"{_holder(name)} writes the same outputs and has not ended in {WAIT:.0f} s; wait until it has, or end "
                "it (kill NUMBER), then run dvc repro again"
            ) from None
    try:
        _file(name).write_text(json.dumps({"process": os.getpid()}), encoding="utf-8")
        sweep()
        yield
    finally:
        lock.release()


def sweep() -> None:
    """Removes the temporary files and folders of `artifacts.atomic_write` whose process has ended."""
    for folder in FOLDERS:
        for path in folder.glob(".*.tmp"):
            matched = TEMPORARY.fullmatch(path.name)
            if matched and not written_by(int(matched[1]), path):
                artifacts.remove(path)


def written_by(number: int, path: Path) -> bool:
    """Whether the process of that number runs, and started before the file: numbers are reused."""
    import psutil

    try:
        return psutil.Process(number).create_time() <= path.lstat().st_mtime + TOLERANCE
    except (psutil.NoSuchProcess, FileNotFoundError, OverflowError):
        return False
    except psutil.Error:
        return True


def _file(name: str) -> Path:
    return LOCKS / f"{name}.json"  # not in the lock file: each process that tries to take the lock empties it


def _holder(name: str) -> str:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return f"process {int(json.loads(_file(name).read_text(encoding='utf-8'))['process'])}"
    return "another process"
