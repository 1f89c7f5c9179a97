"""What does `dvc repro` cost when nothing changed, against an empty pipeline of as many stages?

    python benchmarks/noop.py          # in a checkout where dvc repro has run

Target: at most twice the empty pipeline.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROUNDS = 5
DVC = str(Path(sys.executable).with_name("dvc"))


def seconds(folder: Path) -> float:
    """Median of some rounds; stops when a stage runs."""
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        done = subprocess.run([DVC, "repro"], cwd=folder, capture_output=True, text=True, check=True)
        taken.append(time.perf_counter() - started)
        if "Running stage" in done.stdout:
            sys.exit("something changed: run dvc repro first")
    return statistics.median(taken)


def empty_pipeline(folder: Path, num_stages: int) -> None:
    stages = {f"stage{number}": {"cmd": f"touch out{number}", "outs": [f"out{number}"]} for number in range(num_stages)}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for command in (["git", "init", "-q"], [DVC, "init", "-q"], [DVC, "repro", "-q"]):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)


def main() -> None:
    project = Path(__file__).parents[1]
    num_stages = len(yaml.safe_load((project / "dvc.yaml").read_text())["stages"])
    with tempfile.TemporaryDirectory() as folder:
        empty_pipeline(Path(folder), num_stages)
        empty, ours = seconds(Path(folder)), seconds(project)
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, {num_stages} stages")
    print(f"empty pipeline {empty:.2f} s, Colibri {ours:.2f} s, ratio {ours / empty:.2f} (target: at most 2)")


if __name__ == "__main__":
    main()
