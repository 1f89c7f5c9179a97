"""The faults of benchmarks/faults.py: what is done to a stage of a project, at which moment of its life."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from benchmarks.checkout import STAGES, TINY, Checkout

FASTER = ("encoder.width=4", "train.epochs=4", "source.path=pictures", "source.name=pictures")
LOCKED_SECONDS = 5.0
TIMEOUT = 300.0  # seconds of one command
DISK = "512m"


@dataclass(frozen=True)
class Ending:
    """How a stage ended: `late` where the fault came after it, `said` on stderr; `back`: its outputs are as before."""

    late: bool
    said: str
    back: bool


class Copy(Checkout):
    """A checkout with few pictures, in which dvc repro has run up to a stage.

    Args:
        folder: Where it is made.
        last: The stage up to which it runs.
        num_pictures: Of each of two classes.

    Raises:
        RuntimeError: It does not run.
    """

    def __init__(self, folder: Path, last: str = STAGES[-1], num_pictures: int = 40):
        super().__init__(folder, without=("tests/", "docs/", "dvc.lock"))
        self.last = last
        make_pictures(folder / "pictures", num_pictures)
        self.configure(*TINY, *FASTER)
        self.run("git", "init", "-q")
        done = self.repro()
        if done.returncode:
            raise RuntimeError(done.stderr)
        self.before = self.artifacts()

    def repro(self) -> subprocess.CompletedProcess[str]:
        return self.run("dvc", "repro", self.last, check=False)

    def forced(self, stage: str, limit: str = "") -> subprocess.Popen[str]:
        """DVC, running one stage again."""
        command = ["bash", "-c", f"{limit} exec dvc repro -f -s {stage}"]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def artifacts(self) -> dict[str, str]:
        """Digest of each; what was left half written is counted by itself."""
        params = self.folder / "params.yaml"
        found = {name: one for name, one in self.outputs().items() if ".tmp/" not in name and not name.endswith(".tmp")}
        return found | {"params.yaml": hashlib.sha256(params.read_bytes()).hexdigest()}

    def leftovers(self) -> list[str]:
        folders = [self.folder, *(self.folder / name for name in ("data", "data/assignments", "reports"))]
        return [str(one.relative_to(self.folder)) for folder in folders for one in folder.glob(".*.tmp")]


def make_pictures(folder: Path, num_each: int) -> None:
    """Grey noise with a bright or a dark square."""
    generator = np.random.default_rng(0)
    for label, shift in (("bright", 70), ("dark", -60)):
        (folder / label).mkdir(parents=True)
        for number in range(num_each):
            pixels = generator.normal(110, 12, (32, 32))
            top, left, side = generator.integers(6, 14, 3)
            pixels[top : top + side, left : left + side] += shift
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / label / f"{number:03d}.png")


def process_of(dvc: subprocess.Popen[str], stage: str) -> psutil.Process | None:
    """The process of the stage; None where DVC ends before there is one."""
    while dvc.poll() is None:
        with suppress(psutil.Error):
            for one in psutil.Process(dvc.pid).children(recursive=True):
                if one.cmdline()[1:3] == ["-m", f"pipeline.stages.{stage}"]:
                    return one
        time.sleep(0.01)
    return None


def seconds(copy: Copy, stage: str) -> float:
    """How long the process of a stage lives."""
    dvc = copy.forced(stage)
    process_of(dvc, stage)
    started = time.perf_counter()
    dvc.communicate(timeout=TIMEOUT)
    return time.perf_counter() - started


def hit(copy: Copy, stage: str, moment: float, blow: Callable[[psutil.Process, subprocess.Popen[str]], None]) -> Ending:
    """Runs the stage again, and does something to it so many seconds after it began."""
    dvc = copy.forced(stage)
    process = process_of(dvc, stage)
    time.sleep(moment)
    late = process is None or not process.is_running()
    with suppress(psutil.NoSuchProcess):
        if process is not None:
            blow(process, dvc)
    _, said = dvc.communicate(timeout=TIMEOUT)
    return Ending(late, said, copy.artifacts() == copy.before)


def killed(copy: Copy, stage: str, moment: float) -> Ending:
    return hit(copy, stage, moment, lambda process, dvc: process.kill())


def orphaned(copy: Copy, stage: str, moment: float) -> Ending:
    """DVC is killed; the run that follows at once stands beside what is left of the stage."""
    return hit(copy, stage, moment, lambda process, dvc: dvc.kill())


def signalled(number: signal.Signals) -> Callable[[Copy, str, float], Ending]:
    return lambda copy, stage, moment: hit(copy, stage, moment, lambda process, dvc: process.send_signal(number))


def full_disk(copy: Copy, stage: str, moment: float) -> Ending:
    """From that moment on the disk of the project has no byte left, until the stage has ended; see `disk`."""
    filler = copy.folder.parent / "filler"

    def fill(process: psutil.Process, dvc: subprocess.Popen[str]) -> None:
        with filler.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))

    try:
        return hit(copy, stage, moment, fill)
    finally:
        filler.unlink(missing_ok=True)


def short_files(copy: Copy, stage: str, moment: float) -> Ending:
    """No file may grow beyond some KiB: a full disk for those who may not mount one."""
    dvc = copy.forced(stage, f"ulimit -f {1 + int(20 * moment) % 64};")
    _, said = dvc.communicate(timeout=TIMEOUT)
    return Ending(dvc.returncode == 0, said, copy.artifacts() == copy.before)


@contextmanager
def disk(folder: Path) -> Iterator[bool]:
    """A small disk of its own in this folder; False where this process may not mount one."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def twice(copy: Copy, stage: str, moment: float) -> Ending:
    first = copy.forced(stage)
    time.sleep(moment)
    second = copy.forced(stage)
    said = [one.communicate(timeout=TIMEOUT)[1] for one in (first, second)]
    return Ending(False, "".join(said), copy.artifacts() == copy.before)


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Another program writes to MLflow's database for some seconds."""
    holder = sqlite3.connect(store)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        yield
        time.sleep(LOCKED_SECONDS)
    finally:
        holder.rollback()
        holder.close()


@contextmanager
def lost(store: Path) -> Iterator[None]:
    """MLflow's database is not there, and comes back; what was made in its place meanwhile goes."""
    away = store.with_suffix(".away")
    store.rename(away)
    try:
        yield
        time.sleep(LOCKED_SECONDS)
    finally:
        away.replace(store)


def without_store(fault: Callable[[Path], contextmanager[None]]) -> Callable[[Copy, str, float], Ending]:
    """From a moment on, for some seconds, the stage has no store that answers."""

    def blow(copy: Copy) -> Callable[[psutil.Process, subprocess.Popen[str]], None]:
        def run(process: psutil.Process, dvc: subprocess.Popen[str]) -> None:
            store = copy.folder / "mlflow.db"
            if store.exists():
                with fault(store):
                    pass

        return run

    return lambda copy, stage, moment: hit(copy, stage, moment, blow(copy))


FAULTS: dict[str, Callable[[Copy, str, float], Ending]] = {
    "kill": killed,
    "orphan": orphaned,
    **{one.name: signalled(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)},
    "full disk": full_disk,
    "short files": short_files,
    "twice": twice,
    "locked store": without_store(locked),
    "lost store": without_store(lost),
}
