"""Runs a stage and ends it: with its outputs in place, or with one line and the earlier outputs restored."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from pipeline.core import output_lock, parallel, rank, terminal
from pipeline.core.errors import UserError
from pipeline.core.termination import Terminated, listening, with_dvc

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
QUIET = {
    "GX_ANALYTICS_ENABLED": "False",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "TQDM_MININTERVAL": "0.5",
}


def run(name: str, main: Callable[[], None]) -> NoReturn:
    """Runs a stage's main function and exits.

    Exits with 0 on success. Otherwise the earlier outputs are restored and one line on stderr gives the reason: the
    code is 1, or 128 plus the number of the signal that ended the stage.
    """
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    sys.excepthook = terminal.show_error
    started = time.perf_counter()
    with listening() as listener:
        try:
            with with_dvc(), output_lock.lock_outputs(name):
                try:
                    main()
                except BaseException:
                    listener.cleaning_up = True
                    parallel.stop()
                    restore_outputs()
                    raise
        except BaseException as error:
            listener.cleaning_up = True
            _explain(name, error)
            raise
    if rank.is_main_process():
        terminal.say(f"{name}: {time.perf_counter() - started:.1f} s")
    sys.exit(0)


def leave(name: str, number: int) -> NoReturn:
    """Ends a stage that came no further than its imports as `run` ends one, in the interpreter that replaced it.

    Args:
        name: Of the stage.
        number: The signal that ended it; 0 where it was an error, which is shown by then.
    """
    restore_outputs()
    if number:
        _explain(name, KeyboardInterrupt() if number == signal.SIGINT else Terminated(number))
    sys.exit(1)


def _explain(name: str, error: BaseException) -> None:
    """Prints one line and exits where a person can solve the problem; returns for other errors."""
    if isinstance(error, UserError):
        fail(name, str(error))
    if isinstance(error, KeyboardInterrupt):
        fail(name, "interrupted; run dvc repro to go on", code=128 + signal.SIGINT)
    if isinstance(error, Terminated):
        fail(name, f"ended by {error}; run dvc repro to go on", code=128 + error.number)
    if _disk_is_full(error):
        where = getattr(error, "filename", None) or Path.cwd()
        fail(name, f"the disk is full while writing {where}; free some space and run dvc repro again")


def _disk_is_full(error: BaseException) -> bool:
    """Whether the disk is full, also where a library gives the reason as text only (safetensors, SQLite)."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    text = str(error)
    return any(os.strerror(number) in text for number in FULL) or "database or disk is full" in text


def fail(name: str, message: str, code: int = 1) -> NoReturn:
    who = name if rank.is_main_process() else f"{name}, process {rank.rank()}"
    terminal.warn(f"{who}: {message}")
    sys.exit(code)


def restore_outputs() -> None:
    """Puts back what DVC removed before the stage ran, from its cache, as dvc.lock records it.

    What the stage did write stays, so that the findings of a check that stopped the run can be read.
    DVC deletes a stage's outputs before its command starts; `persist: true` would avoid that but switches off
    the run-cache, which experiments need to share stages.
    """
    stage = os.environ.get("DVC_STAGE")
    if not stage or not rank.is_main_process():
        return
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            for recorded in repo.stage.collect(stage):
                for output in recorded.outs:
                    if not output.exists and output.hash_info and output.use_cache:
                        output.checkout(force=True, allow_missing=True)
    except (DvcException, OSError):  # not in the cache: a fresh clone, whose dvc.lock speaks of another machine's run
        terminal.warn("earlier outputs are not in DVC's cache and were not restored; dvc pull may have them")
