"""The figures of one run in a file, and how they reach MLflow from there.

A line of the file is one event: `begin` (tags, parameters), figures, `unless_finished` (a tag and its value), `end`.
The file is removed when the store has all of it. What remains, because the store did not answer or the process was
killed, is brought at the next opportunity.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from pipeline.core.errors import UserError
from pipeline.core.terminal import warn
from pipeline.tracking import owners
from pipeline.tracking.connection import PARENT, Unavailable, find, open_store, root
from pipeline.tracking.experiments import open_experiment

if TYPE_CHECKING:
    from filelock import FileLock
    from mlflow import MlflowClient

    from pipeline.core.open_types import JsonObject

JOURNAL = "colibri.journal"  # the tag by which a run is found again
BATCH = 500  # metrics at once; MLflow takes 1,000


def folder() -> Path:
    return root() / ".cache" / "tracking"


def bring_left() -> None:
    """Brings what earlier processes left behind: oldest first, each in the order in which it was written.

    A journal that another process writes or brings is skipped. One that the store refuses for good is renamed.
    """
    from filelock import FileLock, Timeout

    for path in sorted(folder().glob("*.jsonl")):
        lock = FileLock(path.with_suffix(".lock"), timeout=0)
        try:
            with lock:
                if path.exists():
                    _bring(path)
        except Timeout:
            continue
        tidy(path, lock)


def _bring(path: Path) -> None:
    journal = Journal(path)
    try:
        if not journal.has_ended():
            if not owners.is_gone(journal.tags()):
                return  # of another machine that shares this folder
            journal.write(end="KILLED", error=owners.GONE)
        journal.bring()
    except Unavailable:
        raise
    except UserError as error:
        path.replace(path.with_suffix(".refused"))
        say(f"MLflow refused {path}, which is kept as {path.with_suffix('.refused')}: {error}")


def tidy(path: Path, lock: FileLock) -> None:
    """Removes the lock of a journal that is gone."""
    if not path.exists():
        Path(lock.lock_file).unlink(missing_ok=True)


@final
class Journal:
    """Events in a file, and how many of its bytes the store has.

    Attributes:
        path: The file; its lines are read from where the last reading ended.
        written: Set when there is something to bring at once.
        ended: Whether the store has the end, too.
        has_figures: Whether this process has logged the figures of an epoch.
    """

    def __init__(self, path: Path):
        self.path = path
        self.ended = False
        self.has_figures = False
        self.written = threading.Event()
        self._writing = threading.Lock()
        self._offset = 0
        self._run_id: str | None = None
        self._dropped = False

    def write(self, **event: Any) -> None:
        """Adds a line; a full disk loses the line and does not end the fit."""
        line = json.dumps({"time": int(time.time() * 1000), **event}) + "\n"
        try:
            with self._writing, self.path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            say(f"{self.path} cannot be written ({error}); these figures are missing in MLflow")

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Adds the figures of an epoch, and wakes the thread that brings them."""
        self.write(step=step, figures={name: float(value) for name, value in figures.items()})
        self.has_figures = True
        self.written.set()

    def tags(self) -> dict[str, str]:
        return next((dict(event["begin"]["tags"]) for event, _ in self._events(0) if "begin" in event), {})

    def has_ended(self) -> bool:
        return any("end" in event for event, _ in self._events(0))

    def bring(self, wait: float | None = None) -> None:
        """Brings all lines that the store does not have, in order; removes the file after the end.

        The same lines may be brought twice: the run is found by its tag, and a figure of the same step and time is the
        same figure.

        Raises:
            Unavailable: The store was locked or did not answer for longer than `wait`.
            UserError: The store refuses an event.
        """
        with open_store(wait) as (client, experiments):
            batch: list[Any] = []
            for event, offset in self._events(self._offset):
                batch += self._figures(event)
                if len(batch) >= BATCH or {"begin", "unless_finished", "end"} & event.keys():
                    self._flush(client, batch)
                    batch = []
                    self._apply(client, experiments, event)
                    self._offset = offset
            if batch:
                self._flush(client, batch)
                self._offset = offset
        if self.ended:
            self.path.unlink(missing_ok=True)

    def _events(self, offset: int) -> Iterator[tuple[JsonObject, int]]:
        """Each whole line, and where the next one starts; a line that a full disk or a kill cut off is skipped."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                offset += len(line)
                with suppress(ValueError):
                    yield json.loads(line), offset

    def _figures(self, event: JsonObject) -> list[Any]:
        from mlflow.entities import Metric

        return [Metric(name, value, event["time"], event["step"]) for name, value in event.get("figures", {}).items()]

    def _flush(self, client: MlflowClient, batch: list[Any]) -> None:
        if not self._dropped:
            log_metrics(client, str(self._run_id), batch)

    def _apply(self, client: MlflowClient, experiments: list[str], event: JsonObject) -> None:
        if "begin" in event:
            self._begin(client, experiments, event)
        elif "unless_finished" in event:
            if not self._dropped:
                self._tag_or_drop(client, experiments, *event["unless_finished"])
        elif "end" in event:
            if not self._dropped:
                if event["error"]:
                    client.set_tag(self._run_id, owners.ERROR, event["error"])
                client.set_terminated(self._run_id, status=event["end"], end_time=event["time"])
                owners.release(client, str(self._run_id))
            self.ended = True

    def _tag_or_drop(self, client: MlflowClient, experiments: list[str], tag: str, value: str) -> None:
        """Sets a tag of the run; where a finished run has it already, the run is deleted, which says the same."""
        found = find(client, experiments, tag, value)
        if any(run.info.status == "FINISHED" and run.info.run_id != self._run_id for run in found):
            client.delete_run(self._run_id)
            self._dropped = True
        else:
            client.set_tag(self._run_id, tag, value)

    def _begin(self, client: MlflowClient, experiments: list[str], event: JsonObject) -> None:
        begin = event["begin"]
        same = find(client, experiments, JOURNAL, begin["tags"][JOURNAL])
        if same:
            self._run_id = str(same[0].info.run_id)
        elif event["finished_before"] and any(
            run.info.status == "FINISHED" for run in find(client, experiments, *event["finished_before"])
        ):
            self._dropped = True
            return
        else:
            if PARENT in begin["tags"]:  # MLflow nests within one experiment
                experiment = client.get_run(begin["tags"][PARENT]).info.experiment_id
            else:
                experiment = open_experiment(client, begin.get("dataset"))
            run = client.create_run(experiment, event["time"], begin["tags"], begin["name"])
            self._run_id = str(run.info.run_id)
        log_params(client, self._run_id, begin["params"])


def log_metrics(client: MlflowClient, run_id: str, metrics: list[Any]) -> None:
    """MLflow's own records of figures, as many at once as it takes."""
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH])


def log_figures(client: MlflowClient, run_id: str, figures: Mapping[str, float], step: int = 0) -> None:
    """Figures of one step, as of now."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    log_metrics(client, run_id, [Metric(name, float(value), now, step) for name, value in figures.items()])


def log_params(client: MlflowClient, run_id: str, params: Mapping[str, str]) -> None:
    """The parameters of a run, as many at once as MLflow takes."""
    from mlflow.entities import Param

    flat = [Param(key, text) for key, text in params.items()]
    for start in range(0, len(flat), 100):
        client.log_batch(run_id, params=flat[start : start + 100])


def say(line: str) -> None:
    """A line for the person, who reads it between those of the stage."""
    warn(f"tracking: {line}")
