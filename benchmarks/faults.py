"""What is lost when a stage is killed, gets a signal, finds the disk full, its store locked or gone, or runs twice?

    python benchmarks/faults.py                                 # one try of each fault for each stage, an hour or two
    python benchmarks/faults.py --stages ingest train --tries 5
    python benchmarks/faults.py --faults kill SIGTERM

Each try hits a stage at a random moment, in a copy of the project of its own with small generated pictures, and then
runs dvc repro once. Target: every try ends with the same bytes of every artifact, leaves no temporary file that the
next stage does not remove, shows no traceback, and after a signal the earlier outputs are there at once. Exits with 1
where a try misses that.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import natural, positive, run_main
from benchmarks.checkout import STAGES
from benchmarks.fault_kinds import FAULTS, Copy, disk, seconds

WITH_STORE = ("train", "register")  # stages that the last two are tried on
MISSES = ("other bytes", "leftovers", "traceback", "not put back")


def tried(copy: Copy, fault: str, stage: str, moment: float) -> dict[str, bool]:
    """What was missed in one try, by name; `late` tells that the stage had ended before."""
    ending = FAULTS[fault](copy, stage, moment)
    after = copy.repro()
    if copy.leftovers():  # DVC had all results in its run-cache, so that no stage ran that removes them
        copy.run("dvc", "repro", "-f", "-s", STAGES[0])
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
    with tempfile.TemporaryDirectory() as folder, disk(Path(folder)) as mounted:
        if not mounted and "full disk" in chosen.faults:
            chosen.faults.remove("full disk")
            print("full disk: left out, a disk can be mounted by root only")
        copy = Copy(Path(folder) / "project", max(chosen.stages, key=STAGES.index))
        table = measured(copy, chosen.faults, chosen.stages, chosen.tries, chosen.seed)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("\n".join(lines(table)))
    if any(row[name] for row in table.values() for name in MISSES):
        sys.exit(1)


if __name__ == "__main__":
    run_main(main)
