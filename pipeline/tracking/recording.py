"""A run while it goes on: written to its journal at once, and brought to MLflow by a thread.

So a fit never waits for a store, and never ends because of one.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.core.uris import mask_credentials
from pipeline.tracking import owners
from pipeline.tracking.connection import patience
from pipeline.tracking.journal import JOURNAL, Journal, folder, say, tidy
from pipeline.tracking.usage import Usage

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

SECONDS_BETWEEN = 5.0  # two samples of the machine's use, and two attempts to bring what was written


@contextmanager
def record_run(
    name: str | None,
    tags: Mapping[str, str],
    params: Mapping[str, str],
    failed: str,
    finished_before: tuple[str, str] | None = None,
    usage: bool = False,
    dataset: str | None = None,
) -> Iterator[Journal]:
    """A run that is recorded and brought to the store; it ends as the block does.

    Args:
        name: Of the run; MLflow makes one up where it is None.
        tags: Of the run; who owns it is added.
        params: Its parameters.
        failed: The status of a run whose block raises: FAILED or KILLED. An interrupted one is always KILLED.
        finished_before: A tag and its value: where a finished run has it, this one adds nothing and is dropped.
        usage: Whether the use of processor and memory is recorded over time.
        dataset: Name of the data set, whose experiment the run belongs to; one with a parent joins that.
    """
    import mlflow  # noqa: F401 by this thread: two that import at once can see half a module
    from filelock import FileLock

    patient = patience()
    folder().mkdir(parents=True, exist_ok=True)
    key = f"{time.time_ns():020d}-{os.getpid()}"
    lock = FileLock(folder() / f"{key}.lock")
    with lock:
        journal = Journal(folder() / f"{key}.jsonl")
        begin = {"name": name, "tags": {**tags, **owners.owner(), JOURNAL: key}, "params": dict(params)}
        begin["dataset"] = dataset
        journal.write(begin=begin, finished_before=finished_before)
        courier = _Courier(journal, Usage() if usage else None)
        status, reason, wait = failed, "", 0.0
        try:
            yield journal
            status, wait = "FINISHED", patient
        except (KeyboardInterrupt, SystemExit) as error:
            status, reason = "KILLED", f"interrupted ({type(error).__name__})"
            raise
        except BaseException as error:
            reason = mask_credentials(" ".join(f"{type(error).__name__}: {error}".split()))[:1000]
            raise
        finally:
            courier.stop()
            journal.write(end=status, error=reason)
            courier.finish(wait)
    tidy(journal.path, lock)


class _Courier:
    """The thread that brings a journal's lines during the fit."""

    def __init__(self, journal: Journal, usage: Usage | None):
        self.journal, self.usage = journal, usage
        self.has_warned = False
        self._samples: list[JsonObject] = []  # of the machine's use, until the fit has logged a figure
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; what it was bringing is brought first."""
        self._stopped.set()
        self.journal.written.set()
        self._thread.join()
        self._write_samples()

    def finish(self, wait: float) -> None:
        """Brings the rest, waiting for the store if necessary; warns where it stays in the file."""
        try:
            self.journal.bring(wait)
        except Exception as error:  # a fit that succeeded must not fail because of its record
            say(
                f"{_line(error)}; the figures of this run are kept in {self.journal.path} and reach MLflow with the "
                "next training or registration"
            )

    def _work(self) -> None:
        while not self._stopped.is_set():
            self.journal.written.clear()
            self._attempt()
            self._sample()
            if self.journal.has_figures:
                self._write_samples()
            if not self._stopped.is_set():  # `stop` may have run just before `clear`
                self.journal.written.wait(SECONDS_BETWEEN)

    def _sample(self) -> None:
        if self.usage is not None:
            try:
                number, figures = self.usage.sample()
                self._samples.append({"time": int(time.time() * 1000), "step": number, "figures": figures})
            except Exception:  # a driver that fails is no reason to lose the other figures
                self.usage = None

    def _write_samples(self) -> None:
        """After the fit's own figures: MLflow's page that compares runs opens with what was logged first."""
        while self._samples:
            self.journal.write(**self._samples.pop(0))

    def _attempt(self) -> None:
        try:
            self.journal.bring(wait=0)
            self.has_warned = False
        except Exception as error:  # whatever it is, it must not end the fit
            if not self.has_warned:
                say(f"{_line(error)}; the run goes on, its figures are kept in {self.journal.path} until it answers")
            self.has_warned = True


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
