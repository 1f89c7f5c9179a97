"""Seconds and peak memory of validate, split and every check on made manifests of 10,000 to a million rows.

    python -m benchmarks.scale                                    # 10,000, 100,000 and 1,000,000 rows
    python -m benchmarks.scale 1000000 --only split check         # one size, some steps
    python -m benchmarks.scale 1000000 --folder /tmp/made         # keeps the manifest for the next call

Ten classes, groups of about four samples, one near-duplicate for every twentieth sample, every column that ingest
writes, and told attributes of few and of many values (`benchmarks/made.py`). Each step runs in a process of its own,
as under DVC; `judge` reads the tables for a check, `check` is the whole stage with every check. Imports come before the
clock of `call`: they take seconds whatever the size, and would hide growth. `growth` is the processor time of the call
(other programs at work change it less than the seconds) over that at a tenth of the size, divided by what n log n
allows: above 1 it grows faster. Peak memory is that of the process, with its libraries.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import made, positive, run_main

ROOT = Path(__file__).parents[1]
SIZES = (10_000, 100_000, 1_000_000)
LIBRARIES = {"validate": ("great_expectations",), "split": ("faiss", "scipy.sparse.csgraph")}
LIBRARIES_OF_CHECKS = ("faiss", "scipy.sparse.csgraph", "scipy.stats", "sklearn.ensemble")


def chosen() -> dict:
    """The parameters of conf/, with the checks that only many labels ask for."""
    import yaml

    from pipeline.core import config

    params, several = (
        yaml.safe_load(config.compose(ROOT / "conf", overrides)) for overrides in ([], ["experiment=multi_label"])
    )
    return {**params, "check": {name: params["check"][name] or node for name, node in several["check"].items()}}


def run_step(name: str) -> dict[str, float]:
    """One step in this process: seconds of its call, and peak bytes. What it finds is not the matter."""
    from importlib import import_module

    from pipeline.core import stage_runner
    from pipeline.core.errors import UserError

    os.environ.update(stage_runner.QUIET)
    for library in LIBRARIES.get(name, LIBRARIES_OF_CHECKS):
        import_module(library)
    call = import_module(f"pipeline.stages.{name}").main if name in ("validate", "split", "check") else one_check(name)
    start, worked = time.perf_counter(), time.process_time()
    try:
        call()
    except UserError as error:  # a check that stops the run has done its work
        if name != "check":
            raise error
    return {"call": time.perf_counter() - start, "processor": time.process_time() - worked, "peak": peak()}


def one_check(name: str):
    from pipeline.checks.check_runner import merge_samples
    from pipeline.core import artifacts, config

    tables = artifacts.MANIFEST, artifacts.SPLITS, artifacts.DUPLICATES
    if name == "judge":
        return lambda: merge_samples(*map(artifacts.read_table, tables))
    check = config.build_all(config.load_params(), "check")[name.removeprefix("check.")]
    samples = merge_samples(*map(artifacts.read_table, tables))
    return lambda: check(samples)


def peak() -> float:
    """Of this program alone: what the system says of a child begins with its parent's."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
    return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def prepare(folder: Path, size: int, params: dict) -> Path:
    """Parameters, manifest and duplicates of this size; a folder that has them is left as it is."""
    import yaml

    place = folder / str(size)
    if not (place / "data/duplicates.parquet").exists():
        (place / "data").mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "benchmarks.scale", "--make", str(place), str(size)], check=True)
    (place / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    return place


def measured(place: Path, name: str) -> dict[str, float]:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", "--step", name],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return {**json.loads(done.stdout.splitlines()[-1]), "process": time.perf_counter() - start}


def report(folder: Path, sizes: list[int], only: list[str] | None) -> None:
    params = chosen()
    names = ["validate", "split", "judge", *(f"check.{name}" for name in params["check"]), "check"]
    print(
        f"{'rows':>9} {'step':26} {'call s':>8} {'processor s':>12} {'growth':>7} {'process s':>10} {'peak MB':>8}",
        flush=True,
    )
    for size in sizes:
        place = prepare(folder, size, params)
        kept = place / "seconds.json"
        known = json.loads(kept.read_text()) if kept.exists() else {}
        smaller = folder / str(size // 10) / "seconds.json"
        before = json.loads(smaller.read_text()) if smaller.exists() else {}
        wanted = names if only is None else only
        if not (place / "data/splits.parquet").exists() and "split" not in wanted:
            measured(place, "split")  # which judge and the checks read
        for name in wanted:
            found = measured(place, name)
            known[name] = found["processor"]
            kept.write_text(json.dumps(known))
            allowed = 10 * math.log(size) / math.log(size / 10)
            growth = f"{found['processor'] / before[name] / allowed:7.2f}" if name in before else f"{'':7}"
            seconds = f"{found['call']:8.2f} {found['processor']:12.2f} {growth} {found['process']:10.1f}"
            print(f"{size:9,} {name:26} {seconds} {found['peak'] / 1e6:8.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=positive, nargs="*", default=SIZES)
    parser.add_argument("--only", nargs="+", metavar="STEP", help="validate, split, judge, check, check.NAME")
    parser.add_argument("--folder", type=Path, help="where the tables are kept")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(run_step(arguments.step)))
    elif arguments.make:
        made.write(arguments.make, arguments.sizes[0])
    elif arguments.folder:
        report(arguments.folder, arguments.sizes, arguments.only)
    else:
        with tempfile.TemporaryDirectory() as folder:
            report(Path(folder), arguments.sizes, arguments.only)


if __name__ == "__main__":
    run_main(main)
