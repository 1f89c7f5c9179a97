"""What is lost when a stage is killed, gets a signal, finds the disk full, its store locked or gone, or runs twice?

    python benchmarks/faults.py                                 # one try of each fault for each stage, about an hour
    python benchmarks/faults.py --stages ingest train --tries 5
    python benchmarks/faults.py --faults kill SIGTERM

Each try hits a stage at a random moment, in a copy of the project of its own with small generated pictures, and then
runs dvc repro once. Target: every try ends with the same bytes of every artifact, leaves no temporary file, shows no
traceback, and after a signal the earlier outputs are there at once. Exits with 1 where a try misses that.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from benchmarks import natural, positive, run_main

ROOT = Path(__file__).parents[1]
STAGES = [
    "compose",
    "ingest",
    "validate",
    "pair",
    "split",
    "check",
    "embed",
    "curate",
    "augment",
    "train",
    "evaluate",
    "register",
]
OVERRIDES = """# @package _global_
defaults: [{override /source: folder}, {override /encoder: small}, {override /embed: hog}]
source: {path: pictures, name: pictures, watch: pictures}
encoder: {width: 4}
validate: {min_samples: 20}
augment: {size: 28}
transform: {size: 24}
train: {epochs: 4, batch_size: 8, ema_decay: null}
evaluate: {num_resamples: 100, half_width: 0.45}
gate: {num_resamples: 100}
register: {below_nuisances: warn}
"""
LOCKED_SECONDS = 5.0
TIMEOUT = 300.0  # seconds of one command


@dataclass(frozen=True)
class Ending:
    """How a stage ended: `late` where the fault came after it, `said` on stderr; `back`: its outputs are as before."""

    late: bool
    said: str
    back: bool


class Copy:
    """A copy of the project with few pictures, in which dvc repro has run up to a stage.

    Args:
        folder: Where it is made.
        last: The stage up to which it runs.
        num_pictures: Of each of two classes.
    """

    def __init__(self, folder: Path, last: str = STAGES[-1], num_pictures: int = 40):
        self.folder, self.last = folder, last
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in listed.splitlines():
            if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/", "dvc.lock", "params.yaml")):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        make_pictures(folder / "pictures", num_pictures)
        (folder / "conf/experiment/faults.yaml").write_text(OVERRIDES)
        config = folder / "conf/config.yaml"
        config.write_text(config.read_text().replace("experiment: null", "experiment: faults"))
        for command in (["git", "init", "-q"], [sys.executable, "-m", "pipeline.stages.compose"]):
            subprocess.run(command, cwd=folder, env=self.environment(), check=True)
        done = self.repro()
        if done.returncode:
            raise RuntimeError(done.stderr)
        self.before = self.artifacts()

    def environment(self) -> dict[str, str]:
        own = ("DVC_", "MLFLOW_")
        told = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{told['PATH']}"
        return told | {"PATH": path, "PYTHONPATH": str(self.folder), "OMP_NUM_THREADS": "1"}

    def repro(self) -> subprocess.CompletedProcess[str]:
        command = ["dvc", "repro", self.last]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
        )

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
        """Digest of each; the pages of Great Expectations hold the time, and are none."""
        found = [one for name in ("data", "reports") for one in sorted((self.folder / name).rglob("*"))]
        return {
            str(one.relative_to(self.folder)): hashlib.sha256(one.read_bytes()).hexdigest()
            for one in [*found, self.folder / "params.yaml"]
            if one.is_file() and "data_docs" not in one.parts
        }

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
    """No file may grow beyond a few KiB, as where a disk is full; a mounted disk would need rights."""
    dvc = copy.forced(stage, f"ulimit -f {1 + int(20 * moment)};")
    _, said = dvc.communicate(timeout=TIMEOUT)
    return Ending(dvc.returncode == 0, said, copy.artifacts() == copy.before)


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
    "twice": twice,
    "locked store": without_store(locked),
    "lost store": without_store(lost),
}
WITH_STORE = ("train", "register")  # stages that the last two are tried on
MISSES = ("other bytes", "leftovers", "traceback", "not put back")


def tried(copy: Copy, fault: str, stage: str, moment: float) -> dict[str, bool]:
    """What was missed in one try, by name; `late` tells that the stage had ended before."""
    ending = FAULTS[fault](copy, stage, moment)
    after = copy.repro()
    missed = {
        "other bytes": after.returncode != 0 or copy.artifacts() != copy.before,
        "leftovers": bool(copy.leftovers()),
        "traceback": "Traceback" in ending.said + after.stderr,
        "not put back": fault.startswith("SIG") and not ending.late and not ending.back,
    }
    for name, what in (("other bytes", after.stderr), ("leftovers", copy.leftovers()), ("traceback", ending.said)):
        if missed[name]:
            print(f"{fault} of {stage} after {moment:.2f} s, {name}: {str(what)[-1500:]}", file=sys.stderr)
    return {"late": ending.late, **missed}


def measured(copy: Copy, faults: list[str], stages: list[str], tries: int, seed: int) -> dict[str, dict[str, int]]:
    """How many tries of each fault there were, came late, and missed what.

    Args:
        copy: Of the project.
        faults: Keys of `FAULTS`.
        stages: That are hit.
        tries: Of each fault for each stage.
        seed: Of the moments.
    """
    generator = np.random.default_rng(seed)
    table = {fault: dict.fromkeys(("tries", "late", *MISSES), 0) for fault in faults}
    for stage in stages:
        lasts = seconds(copy, stage)
        copy.repro()
        for fault in faults:
            if fault.endswith("store") and stage not in WITH_STORE:
                continue
            for _ in range(tries):
                found = tried(copy, fault, stage, float(generator.uniform(0, lasts)))
                outcome = ", ".join(name for name, one in found.items() if one) or "nothing lost"
                print(f"{stage}, {fault}: {outcome}", flush=True)
                table[fault]["tries"] += 1
                for name, one in found.items():
                    table[fault][name] += one
    return table


def lines(table: dict[str, dict[str, int]]) -> list[str]:
    columns = list(next(iter(table.values())))
    rows = [f"| {fault} | {' | '.join(str(row[name]) for name in columns)} |" for fault, row in table.items()]
    return [f"| fault | {' | '.join(columns)} |", f"|---{'|---:' * len(columns)}|", *rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES[1:])
    parser.add_argument("--faults", nargs="+", choices=list(FAULTS), default=list(FAULTS))
    parser.add_argument("--tries", type=positive, default=1, help="of each fault for each stage (default: 1)")
    parser.add_argument("--seed", type=natural, default=0, help="of the moments (default: 0)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder) / "project", max(chosen.stages, key=STAGES.index))
        table = measured(copy, chosen.faults, chosen.stages, chosen.tries, chosen.seed)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("\n".join(lines(table)))
    if any(row[name] for row in table.values() for name in MISSES):
        sys.exit(1)


if __name__ == "__main__":
    run_main(main)
