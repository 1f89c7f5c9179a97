"""One run of DVC in this folder: what its stages print reaches the terminal as it is, and a log file line by line.

DVC runs with `--quiet`, its public option, which leaves out its own messages and bars and nothing of a stage's. Stages
need a terminal for their bars, so that they get a pseudo-terminal where this process has a terminal, else pipes.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from pipeline.core.terminal import escape_control_characters, pass_through
from pipeline.core.uris import mask_credentials
from pipeline.experiments.dvc_queue import Refusal, call_dvc
from pipeline.experiments.stale_stages import DVC_YAML, list_outputs

LOGS = Path(".cache/logs")
KEPT = 20  # log files
CHUNK = 2**16  # bytes
LAST_SECONDS = 5.0  # for what a stage has printed to arrive after its end
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours and movements of the cursor


def next_log() -> Path:
    """The path of a new log, `.cache/logs/run-N.log`; of the older ones the last 19 are kept."""
    LOGS.mkdir(parents=True, exist_ok=True)
    numbers = sorted(int(found[1]) for path in LOGS.iterdir() if (found := re.fullmatch(r"run-(\d+)\.log", path.name)))
    for old in numbers[: max(0, len(numbers) - KEPT + 1)]:
        (LOGS / f"run-{old}.log").unlink(missing_ok=True)
    return LOGS / f"run-{(numbers or [0])[-1] + 1}.log"


def run_dvc(words: Sequence[str], log: Path, see: Callable[[str], None]) -> int:
    """Runs a command of DVC to its end; ctrl-C in the terminal reaches DVC and its stages, which end in their own way.

    Args:
        words: Of the command, after `dvc`.
        log: Takes each line that is printed, without bars and colours.
        see: Called with each line.

    Returns:
        The exit code of DVC; 128 plus the number of the signal where one came.
    """
    command = [sys.executable, "-m", "dvc", *words, "--quiet"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with log.open("a", encoding="utf-8") as file, _open_streams() as (ends, channels):
        lock = threading.Lock()

        def keep(line: str) -> None:
            with lock:
                file.write(f"{line}\n")
                file.flush()
                see(line)

        _Lines(keep).add(f"$ dvc {' '.join(words)}\n".encode())
        lines = [_Lines(keep) for _ in channels]  # of its own each: half a line of stdout is no part of one of stderr
        with _signals() as received:
            process = subprocess.Popen(command, stdout=ends[0], stderr=ends[1], env={**os.environ, "PATH": path})
            received.append(process)
            for end in {*ends}:
                os.close(end)
            readers = [
                threading.Thread(target=_copy, args=(source, target, of_channel), daemon=True)
                for (source, target), of_channel in zip(channels, lines, strict=True)
            ]
            for reader in readers:
                reader.start()
            code = process.wait()
            for reader in readers:
                reader.join(LAST_SECONDS)
            for of_channel in lines:
                of_channel.end()
    signals = [one for one in received if isinstance(one, int)]
    return 128 + signals[0] if signals and code else code


def explain_failure(words: Sequence[str]) -> str:
    """Why DVC itself stopped, in one line; empty where a stage did, which has given its reason.

    A dry run stops at the first output that does not exist yet, which a stage after the one that failed would read.
    """
    try:
        call_dvc(*words, "--dry")
    except Refusal as error:
        reason = str(error)
        missing = re.search(r"No such file or directory: '(.*?)'", reason)
        return "" if missing and _is_output(missing[1]) else reason
    return ""


def _is_output(path: str) -> bool:
    """Whether a stage writes this; False where dvc.yaml cannot be read, which is then why DVC stopped."""
    try:
        outputs = list_outputs(yaml.safe_load(DVC_YAML.read_text(encoding="utf-8"))["stages"])
    except (OSError, ValueError, yaml.YAMLError, AttributeError, KeyError, TypeError):
        return False
    return any(f"/{one}/" in f"{path}/" for one in outputs)


class _Lines:
    """Whole lines out of chunks, without the states of a bar before the last, and without colours."""

    def __init__(self, take: Callable[[str], None]):
        self.take, self.rest, self.lock = take, b"", threading.Lock()

    def add(self, chunk: bytes) -> None:
        with self.lock:
            *whole, self.rest = (self.rest + chunk).split(b"\n")
            for line in whole:
                self._give(line)
            if len(self.rest) > CHUNK:  # a bar that is never ended by a line
                self.rest = self.rest[self.rest.rfind(b"\r") :][-CHUNK:]

    def end(self) -> None:
        self.add(b"\n" if self.rest else b"")

    def _give(self, line: bytes) -> None:
        states = CONTROL.sub("", line.decode(errors="replace")).split("\r")
        shown = [state for state in states if state.strip()]
        if shown or not line.strip():
            text = mask_credentials(shown[-1].rstrip()) if shown else ""
            self.take("\t".join(map(escape_control_characters, text.split("\t"))))


def _copy(source: int, target: int, lines: _Lines) -> None:
    with suppress(OSError):  # the last stage has closed its end of the pseudo-terminal
        while chunk := os.read(source, CHUNK):
            pass_through(target, chunk)
            lines.add(chunk)


@contextmanager
def _open_streams() -> Iterator[tuple[tuple[int, int], list[tuple[int, int]]]]:
    """The ends for DVC's stdout and stderr, and for each of ours the descriptor to which its text goes."""
    if os.isatty(1) and os.isatty(2):
        import termios

        master, slave = os.openpty()
        modes = termios.tcgetattr(slave)
        modes[1] &= ~termios.OPOST  # the real terminal turns line feeds into new lines
        termios.tcsetattr(slave, termios.TCSANOW, modes)
        termios.tcsetwinsize(slave, termios.tcgetwinsize(1))
        resized = signal.signal(signal.SIGWINCH, lambda *_: termios.tcsetwinsize(master, termios.tcgetwinsize(1)))
        try:
            yield (slave, slave), [(master, 1)]
        finally:
            signal.signal(signal.SIGWINCH, resized)
            os.close(master)
        return
    (out, out_end), (errors, errors_end) = os.pipe(), os.pipe()
    try:
        yield (out_end, errors_end), [(out, 1), (errors, 2)]
    finally:
        os.close(out)
        os.close(errors)


@contextmanager
def _signals() -> Iterator[list[Any]]:
    """Collects signals while DVC runs; one that a person sends to this process alone, not by ctrl-C, is passed on."""
    received: list[Any] = []

    def note(number: int, frame: FrameType | None) -> None:
        if number != signal.SIGINT:
            for process in received:
                if isinstance(process, subprocess.Popen):
                    process.send_signal(number)
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
