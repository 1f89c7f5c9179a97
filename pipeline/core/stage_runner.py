"""Runs a stage and ends it: with its outputs in place, or with one line and the earlier outputs restored."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from pipeline.core import config, durations, output_lock, parallel, progress, rank, terminal
from pipeline.core.errors import UserError
from pipeline.core.termination import Terminated, listening, with_dvc

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
QUIET = {
    "GX_ANALYTICS_ENABLED": "False",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "TQDM_MININTERVAL": "0.5",  # of libraries
}
NAME_WIDTH = 15  # of the longest stage
WORTH_WAITING = 10.0  # seconds of an earlier run from which its time is shown


def run(name: str, main: Callable[[], Sequence[str]]) -> NoReturn:
    """Runs a stage's main function and exits.

    Exits with 0 on success, after a line with the stage, the data set, the first line that `main` returns (the fact
    that sums the stage up) and the time; the other lines follow it. Otherwise the earlier outputs are restored and one
    line on stderr gives the reason: the code is 1, or 128 plus the number of the signal that ended the stage.
    """
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    sys.excepthook = terminal.show_error
    started = time.perf_counter()
    with listening() as listener:
        try:
            with with_dvc(), output_lock.lock_outputs(name):
                try:
                    with announce(name):
                        lines = main()
                except BaseException:
                    listener.cleaning_up = True
                    progress.stop()
                    parallel.stop()
                    restore_outputs()
                    raise
        except BaseException as error:
            listener.cleaning_up = True
            _explain(name, error)
            raise
    if rank.is_main_process():
        close(name, lines, time.perf_counter() - started)
    sys.exit(0)


@contextmanager
def announce(name: str) -> Iterator[None]:
    """Says what runs and, where an earlier run is known, about how long it takes; on a terminal only for the block."""
    data_set = data_set_name()
    seconds = durations.read_durations(data_set).get(name, 0.0)
    known = f"about {progress.duration(seconds)}, as the last time" if seconds >= WORTH_WAITING else ""
    line = f"{name:{NAME_WIDTH}}  {': '.join(filter(None, (data_set, known)))}"
    with progress.show(line) as shown:
        if known and shown is None and rank.is_main_process():
            terminal.say(line)
        yield


def close(name: str, lines: Sequence[str], seconds: float) -> None:
    """Prints the last lines of a stage that ended well, and records how long it took."""
    data_set, (fact, *others) = data_set_name(), lines
    durations.record_duration(data_set, name, seconds)
    about = ": ".join(filter(None, (data_set, fact)))
    terminal.say(f"{name:{NAME_WIDTH}}  {about}  {progress.duration(seconds)}", style="bold green")
    if others:
        terminal.say(*others)


def data_set_name() -> str:
    """`source.name` of params.yaml; empty where there is none yet."""
    try:
        source = config.load_params().get("source")
    except (UserError, OSError):
        return ""
    return str(source.get("name", "")) if isinstance(source, dict) else ""


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
        fail(name, str(error), *error.details)
    if isinstance(error, KeyboardInterrupt):
        fail(name, "interrupted; the same command goes on", code=128 + signal.SIGINT)
    if isinstance(error, Terminated):
        fail(name, f"ended by {error}; the same command goes on", code=128 + error.number)
    if _disk_is_full(error):
        where = getattr(error, "filename", None) or Path.cwd()
        fail(name, f"the disk is full while writing {where}; free some space, then the same command goes on")


def _disk_is_full(error: BaseException) -> bool:
    """Whether the disk is full, also where a library gives the reason as text only (safetensors, SQLite)."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    text = str(error)
    return any(os.strerror(number) in text for number in FULL) or "database or disk is full" in text


def fail(name: str, message: str, *details: str, code: int = 1) -> NoReturn:
    """Prints the message after the name, the details below it, and exits."""
    who = name if rank.is_main_process() else f"{name}, process {rank.rank()}"
    for line in (f"{who}: {message}", *details):
        terminal.fail(line)
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

    logging.getLogger("dvc").setLevel(logging.ERROR)  # it warns of each output that is not recorded
    try:
        with Repo() as repo:
            for recorded in repo.stage.collect(stage):
                for output in recorded.outs:
                    if not output.exists and output.hash_info and output.use_cache:
                        output.checkout(force=True, allow_missing=True)
    except (DvcException, OSError):  # not in the cache
        if durations.has_ended_well(stage):  # else there never were any: dvc.lock speaks of another machine's run
            terminal.warn("earlier outputs are not in DVC's cache and were not restored; dvc pull may have them")
