"""Experiments through DVC's queue: stages are shared through the cache, and one failure stops no other experiment.

The queue and not `--run-all`: that follows every entry of the queue, also those of others, ends with 0 when one failed,
and goes on in the background after ctrl-C.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError

POLL_SECONDS = 2.0
WORKER_SECONDS = 60.0  # without a change: is there a worker still?
STOP_SECONDS = 60.0  # for a stage to put its outputs back
MAX_REASON = 300  # characters
Tell = Callable[[str, str], None]  # experiment, what happens to it


@dataclass(frozen=True)
class Finished:
    """How one experiment ended: `revision` is the commit that holds its results, `reason` one line on a failure."""

    revision: str | None = None
    reason: str | None = None


def run(names: Mapping[str, str], tell: Tell) -> dict[str, Finished]:
    """Each experiment to how it ended; what has run before with everything the same is not run again.

    Args:
        names: Experiment, a file in conf/experiment/, to its name in DVC, which changes with all that it depends on.
        tell: Hears what happens.

    Raises:
        UserError: DVC cannot queue it.
        KeyboardInterrupt: The queue holds none of these any more; what is finished is kept.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    with _speaking(), Repo() as repo:
        known = _revisions(repo)
        done = {one: Finished(revision=known[name]) for one, name in names.items() if name in known}
        for one in done:
            tell(one, "has run before")
        waiting = {name: one for one, name in names.items() if one not in done}
        queue = repo.experiments.celery_queue
        try:
            for name, refused in _enqueue(repo, waiting).items():
                done[waiting.pop(name)] = refused
            for name, finished in _wait(repo, queue, waiting, tell):
                done[waiting[name]] = finished
        except KeyboardInterrupt:
            _withdraw(queue, set(waiting))
            raise
        except DvcException as error:
            _withdraw(queue, set(waiting))
            raise UserError(f"DVC's queue: {one_line(str(error))}") from None
    return {one: done[one] for one in names}


def _enqueue(repo: Any, waiting: Mapping[str, str]) -> dict[str, Finished]:
    """Queues what is not queued or running yet; what failed before is forgotten. Gives what DVC does not take."""
    from dvc.exceptions import DvcException

    queue = repo.experiments.celery_queue
    there = {entry["name"]: entry["status"] for entry in queue.status() if entry["name"] in waiting}
    stale = [name for name, status in there.items() if status not in ("Queued", "Running")]
    if stale:
        queue.remove(stale)
    refused = {}
    for name, one in waiting.items():
        if there.get(name) not in ("Queued", "Running"):
            try:
                repo.experiments.run(queue=True, name=name, params=[f"experiment={one}"])
            except DvcException as error:
                refused[name] = Finished(reason=f"DVC does not queue it: {one_line(str(error))}")
    return refused


def _wait(repo: Any, queue: Any, waiting: Mapping[str, str], tell: Tell) -> Iterator[tuple[str, Finished]]:
    """Each name with how it ended, as they end."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # the worker's dvc
    left, said, changed = dict(waiting), dict.fromkeys(waiting, ""), time.monotonic()
    if left:
        queue.start_workers(1)
    while left:
        entries = {entry["name"]: entry for entry in queue.status() if entry["name"] in left}
        for name, entry in entries.items():
            log = _log(queue, entry["rev"])
            now = _happening(entry["status"], log)
            if now != said[name]:
                said[name], changed = now, time.monotonic()
                tell(waiting[name], now)
            if entry["status"] in ("Success", "Failed"):
                ended = _finish_experiment(repo, name, entry["status"], log)
                if ended.reason:
                    tell(waiting[name], ended.reason)
                del left[name]
                yield name, ended
        if left and time.monotonic() - changed > WORKER_SECONDS:
            changed = time.monotonic()
            _revive(queue, entries)
        if left:
            time.sleep(POLL_SECONDS)


def _finish_experiment(repo: Any, name: str, status: str, log: str) -> Finished:
    if status == "Failed":
        return Finished(reason=reason(log))
    revision = _revisions(repo).get(name)
    return Finished(revision) if revision else Finished(reason=f"DVC kept no commit of {name}; run this again")


def _revive(queue: Any, entries: Mapping[str, Any]) -> None:
    """A worker where there is none any more; what it was running when it went is marked as failed."""
    if queue.worker_status():
        return
    lost = [name for name, entry in entries.items() if entry["status"] == "Running"]
    if lost:
        queue.kill(lost, force=True)
    queue.start_workers(1)


def _withdraw(queue: Any, names: set[str]) -> None:
    """Takes these out of the queue, stops the one that runs, and waits until it has put its outputs back."""
    from dvc.exceptions import DvcException

    queued = [entry.name for entry in queue.iter_queued() if entry.name in names]
    if queued:
        queue.remove(queued)
    running = [entry.name for entry in queue.iter_active() if entry.name in names]
    if running:
        with suppress(DvcException):  # it has ended in between
            queue.kill(running)
    until = time.monotonic() + STOP_SECONDS
    while time.monotonic() < until and any(entry.name in names for entry in queue.iter_active()):
        time.sleep(POLL_SECONDS)
    failed = [entry.name for entry, _ in queue.iter_failed() if entry.name in names]
    if failed:
        queue.remove(failed)


def _revisions(repo: Any) -> dict[str, str]:
    """Each experiment of any commit to the commit that holds its results."""
    return {name: revision for found in repo.experiments.ls(all_commits=True).values() for name, revision in found}


def _log(queue: Any, revision: str) -> str:
    try:
        return Path(queue.proc[revision].stdout).read_text(encoding="utf-8", errors="replace")
    except (KeyError, OSError):  # it has not started, or failed before it did
        return ""


def _happening(status: str, log: str) -> str:
    """What an entry is at, for a person."""
    if status == "Running":
        stages = re.findall(r"Running stage '(\w+)'", log)
        return f"runs {stages[-1]}" if stages else "starts"
    return {"Queued": "waits", "Success": "done", "Failed": "failed"}.get(status, status)


def reason(log: str) -> str:
    """The one line of a log that says why it failed: the failing stage's own, else the last one before DVC's."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    ends = [place for place, line in enumerate(lines) if line.startswith("ERROR:")]
    before = lines[: ends[0]] if ends else lines
    stage = re.search(r"failed to reproduce '(\w+)'", lines[ends[0]]) if ends else None
    own = [line for line in before if stage and line.startswith(f"{stage[1]}: ")]
    noise = (">", "Running stage", "Stage ")
    said = own or [line for line in before if not line.startswith(noise)][-1:] or [lines[ends[0]]] if ends else before
    return one_line(said[-1]) if said else "it failed before it started; see dvc queue status"


def one_line(text: str) -> str:
    return " ".join(text.split())[:MAX_REASON]


@contextmanager
def _speaking() -> Iterator[None]:
    """What DVC and git refuse, as one line."""
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.scm import NoSCMError, SCMError

    try:
        yield
    except NotDvcRepoError:
        raise UserError("there is no DVC project here; run this in the project's folder, where dvc.yaml is") from None
    except NoSCMError:
        raise UserError(
            "experiments are kept by git, and this is no git checkout; run git init and commit once"
        ) from None
    except (DvcException, SCMError) as error:
        raise UserError(f"DVC: {one_line(str(error))}") from None
