"""Experiments through the queue of DVC: stages are shared through the cache, and a failure stops no other experiment.

DVC is called through its commands, as a person would call it. `dvc exp run --run-all` is not among them: it follows
every entry of the queue, also those of others, ends with 0 when one failed, and continues in the background after
ctrl-C.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import UserError

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0  # seconds between two looks at the queue, each of 1.7 s of one processor
WORKER_SECONDS = 60.0  # without a change: is there a worker still?
STOP_SECONDS = 60.0  # for a stage to put its outputs back
MAX_REASON = 300  # characters
WAITS = "waits"
NO_PROJECT = 253  # with which DVC ends outside of a project
Tell = Callable[[str, str], None]  # experiment, what happens to it


@dataclass(frozen=True)
class Finished:
    """How one experiment ended.

    Attributes:
        revision: The name by which DVC finds its results.
        reason: One line on a failure.
    """

    revision: str | None = None
    reason: str | None = None


class Refusal(Exception):
    """What DVC does not do; its text is why, in one line."""


@dataclass(frozen=True)
class Queue:
    """What `dvc queue status` says: of each named entry whether it is Queued, Running, Failed or a Success."""

    states: dict[str, str]
    has_worker: bool

    def names(self, *states: str) -> list[str]:
        return [name for name, state in self.states.items() if state in states]


def run(
    names: Mapping[str, str], overrides: Mapping[str, Sequence[str]], tell: Tell, target: str | None = None
) -> dict[str, Finished]:
    """Each experiment to how it ended; what has run before with the same name is not run again.

    Args:
        names: Experiment to its name in DVC, which changes with all that it depends on.
        overrides: Experiment to what DVC sets for it.
        tell: Called with an experiment and what happens to it.
        target: The last stage to run; all stages unless given.

    Raises:
        UserError: DVC cannot queue it, or what was interrupted cannot be removed from the queue.
        KeyboardInterrupt: These are removed from the queue; finished ones are kept.
    """
    waiting = {name: one for one, name in names.items()}
    done: dict[str, Finished] = {}
    try:
        known = list_finished()
        for name in [name for name in waiting if name in known]:
            done[waiting[name]] = Finished(revision=name)
            tell(waiting.pop(name), "has run before")
        for name, refused in _enqueue(waiting, overrides, tell, target).items():
            done[waiting.pop(name)] = refused
        for name, finished in _wait(waiting, tell):
            done[waiting[name]] = finished
    except KeyboardInterrupt:
        if left := _withdraw(waiting):
            raise UserError(f"interrupted, and DVC's queue could not be cleared{left}") from None
        raise
    except Refusal as error:
        raise UserError(f"DVC's queue: {error}{_withdraw(waiting)}") from None
    return {one: done[one] for one in names}


def list_finished() -> set[str]:
    """The names of all experiments that have results, made from whichever commit."""
    return set(call_dvc("exp", "list", "--all-commits", "--name-only").split())


def read_queue() -> Queue:
    """The queue as it is now, with the entries of others and of other commits."""
    text = call_dvc("queue", "status")
    rows = [line.split() for line in text.splitlines()]
    states = {row[1]: row[-1] for row in rows if row and re.fullmatch("[0-9a-f]{7}", row[0])}
    workers = re.search(r"Worker status: (\d+) active, (\d+) idle", text)
    return Queue(states, workers is not None and workers.groups() != ("0", "0"))


def _enqueue(
    waiting: Mapping[str, str], overrides: Mapping[str, Sequence[str]], tell: Tell, target: str | None
) -> dict[str, Finished]:
    """Queues what is not queued or running, after removing former failures; returns those that DVC refuses."""
    queue = read_queue()
    ready = queue.names("Queued", "Running")
    stale = [name for name in queue.states if name in waiting and name not in ready]
    if stale:
        call_dvc("queue", "remove", *stale)
    refused = {}
    for name in [name for name in waiting if name not in ready]:
        try:
            options = [word for one in overrides[waiting[name]] for word in ("--set-param", one)]
            call_dvc("exp", "run", "--queue", "--name", name, *options, *([target] if target else []))
            tell(waiting[name], WAITS)
        except Refusal as error:
            refused[name] = Finished(reason=f"DVC does not queue it: {error}")
    return refused


def _wait(waiting: Mapping[str, str], tell: Tell) -> Iterator[tuple[str, Finished]]:
    """Each name with how it ended, as they end."""
    unfinished, states = list(waiting), dict.fromkeys(waiting, WAITS)
    if unfinished:
        call_dvc("queue", "start")
    pause, changed = FIRST_PAUSE, time.monotonic()
    while unfinished:
        queue = read_queue()
        for name in [name for name in unfinished if name in queue.states]:
            log = "" if queue.states[name] == "Queued" else read_log(name)
            now = describe(queue.states[name], log)
            if now != states[name]:
                states[name], pause, changed = now, FIRST_PAUSE, time.monotonic()
                tell(waiting[name], now)
            if queue.states[name] in ("Success", "Failed"):
                ended = Finished(reason=find_reason(log)) if queue.states[name] == "Failed" else _find_results(name)
                if ended.reason:
                    tell(waiting[name], ended.reason)
                unfinished.remove(name)
                yield name, ended
        if unfinished and time.monotonic() - changed > WORKER_SECONDS:
            changed = time.monotonic()
            for name in [name for name in unfinished if name not in queue.states]:  # somebody took it out
                unfinished.remove(name)
                yield name, _find_results(name)
            if unfinished and not queue.has_worker:
                _revive([name for name in queue.names("Running") if name in unfinished])
        if unfinished:
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _find_results(name: str) -> Finished:
    """The results of an experiment that has ended."""
    if name in list_finished():
        return Finished(revision=name)
    return Finished(reason=f"DVC kept no commit of {name}; run this again")


def _revive(running: Collection[str]) -> None:
    """Starts a worker where the last one is gone; what that one was running is marked as failed."""
    if running:
        with suppress(Refusal):  # it has ended in between
            call_dvc("queue", "kill", "--force", *running)
    call_dvc("queue", "start")


def _withdraw(names: Collection[str]) -> str:
    """Takes these out of the queue, stops what runs, and waits until it has put its outputs back; what is left, if any.

    DVC refuses a whole command where one entry has started or ended since the last look, so each pass looks again.
    """
    until, killed = time.monotonic() + STOP_SECONDS, set[str]()
    while True:
        try:
            queue = read_queue()
        except Refusal:
            return "; dvc queue status says whether it still holds some of these"
        left = [name for name in queue.names("Queued", "Running", "Failed") if name in names]
        if not left:
            return ""
        if time.monotonic() > until:
            return f"; it still holds {', '.join(left)}: dvc queue kill and dvc queue remove them"
        running = [name for name in left if queue.states[name] == "Running"]
        if others := [name for name in left if name not in running]:
            with suppress(Refusal):
                call_dvc("queue", "remove", *others)
        if new := [name for name in running if name not in killed]:  # a second signal would disturb the putting back
            with suppress(Refusal):
                call_dvc("queue", "kill", *new)
                killed.update(new)
        time.sleep(FIRST_PAUSE)


def read_log(name: str) -> str:
    """The log of an experiment so far; empty where it has not started, or failed before it started."""
    try:
        return call_dvc("queue", "logs", name)
    except Refusal:
        return ""


def describe(state: str, log: str) -> str:
    """The state of an entry in words."""
    if state == "Running":
        stages = re.findall(r"Running stage '(\w+)'", log)
        return f"runs {stages[-1]}" if stages else "starts"
    return {"Queued": WAITS, "Success": "done", "Failed": "failed"}.get(state, state)


def find_reason(log: str) -> str:
    """The one line of a log that says why it failed: the failing stage's own, else the last one before DVC's."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    ends = [place for place, line in enumerate(lines) if line.startswith("ERROR:")]
    before = lines[: ends[0]] if ends else lines
    stage = re.search(r"failed to reproduce '(\w+)'", lines[ends[0]]) if ends else None
    own = [line for line in before if stage and line.startswith(f"{stage[1]}: ")]
    noise = (">", "Running stage", "Stage ")
    other = [line for line in before if not line.startswith(noise)]
    reasons = (own or other[-1:] or [lines[ends[0]]]) if ends else before
    return one_line(reasons[-1]) if reasons else "it failed before it started; see dvc queue status"


def call_dvc(*words: str) -> str:
    """What a command of DVC prints.

    Files take it and not pipes: the worker that `dvc queue start` leaves behind inherits them, and a pipe would stay
    open as long as it works. The worker calls `dvc`, so the one of this environment comes first.

    Raises:
        Refusal: The command failed.
        UserError: There is no project here.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        command = [sys.executable, "-m", "dvc", *words]
        code = subprocess.run(
            command, stdout=out, stderr=errors, env={**os.environ, "PATH": path}, check=False
        ).returncode
        texts = []
        for file in (out, errors):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    if code == NO_PROJECT:
        raise UserError("there is no DVC project here; run this in the project's folder, where dvc.yaml is")
    if code:
        message = texts[1].partition("ERROR:")[2] or texts[1] or f"dvc {words[0]} ended with {code}"
        raise Refusal(one_line(message.strip().partition("\n")[0]))
    return texts[0]


def one_line(text: str) -> str:
    return " ".join(text.split())[:MAX_REASON]
