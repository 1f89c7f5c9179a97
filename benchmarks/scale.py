"""Seconds and peak memory of validate, split and every check on made manifests of 10,000 to a million rows.

    python -m benchmarks.scale                  # 10,000, 100,000 and 1,000,000 rows
    python -m benchmarks.scale 50000            # other sizes

Each stage runs in a process of its own, as under DVC, on a manifest with ten classes, groups of about four samples,
one near-duplicate for every twentieth sample, three told attributes and ten measured properties. Peak memory is that
of the process, its libraries (about 300 MB) included. Each row gives the time per n log n beside the time, so that
faster growth shows.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
SIZES = (10_000, 100_000, 1_000_000)
CLASSES = 10


def manifest(num_rows: int) -> pd.DataFrame:
    """Rows as ingest would write them, the same for the same number."""
    generator = np.random.default_rng(num_rows)
    hashes = generator.integers(0, 2**64, num_rows, dtype=np.uint64)
    copies = np.arange(20, num_rows, 20)
    hashes[copies] = hashes[copies - 7] ^ (np.uint64(1) << generator.integers(0, 64, len(copies), dtype=np.uint64))
    label = generator.choice(CLASSES, num_rows, p=np.arange(1, CLASSES + 1) / (CLASSES * (CLASSES + 1) / 2))
    names = pd.Series(np.arange(num_rows)).map("class/{:07d}.jpg".format)
    table = pd.DataFrame({"sample_id": names, "path": names})
    table["labels"] = [[f"class{one}"] for one in label]
    table["group"] = pd.Series(generator.integers(0, max(1, num_rows // 4), num_rows)).map("group{}".format)
    table["media"] = "image"
    table["content_hash"] = [f"{one:032x}" for one in generator.permutation(num_rows)]
    table["perceptual_hash"] = [f"{one:016x}" for one in hashes]
    table["height"], table["width"], table["depth"], table["channels"] = 480, 640, 1, 3
    unit = ("brightness", "contrast", "dark_level", "light_level", "saturation", "sharpness", "border_brightness")
    for name in unit:
        table[f"prop_{name}"] = generator.random(num_rows)
    table["prop_entropy"] = 8 * generator.random(num_rows)
    table["prop_aspect_ratio"], table["prop_num_pixels"] = 4 / 3, 307_200.0
    table["prop_num_bytes"] = generator.integers(1_000, 100_000, num_rows).astype(float)
    table["source_order"] = np.arange(num_rows)
    table["attr_site"] = generator.choice(list("abcde"), num_rows)
    table["attr_camera"] = generator.choice(["one", "two", "three"], num_rows)
    table["attr_taken"] = generator.random(num_rows)
    return table


def run_stage(name: str) -> None:
    """One stage in this process; prints seconds and peak bytes. What a check or promise finds is not the matter."""
    from importlib import import_module

    from pipeline.core import files, stage
    from pipeline.core.errors import UserError

    os.environ.update(stage.QUIET)
    start = time.perf_counter()
    try:
        if name.startswith("check."):
            one_check(name.removeprefix("check."))
        else:
            import_module(f"pipeline.stages.{name}").main()
    except UserError as error:
        if not files.CHECKS.exists() and not files.VALIDATION.exists():
            raise error
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(time.perf_counter() - start, peak)


def one_check(name: str) -> None:
    from pipeline.core import config, files
    from pipeline.stages.check import build_checks, judged_samples

    checks = build_checks(config.section(config.load_params(), "check"))
    checks[name](judged_samples(files.read_table(files.MANIFEST), files.read_table(files.SPLITS)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        run_stage(arguments.stage)
        return
    params = (ROOT / "params.yaml").read_text()
    names = ["validate", "split", *(f"check.{name}" for name in yaml.safe_load(params)["check"])]
    print(f"{'rows':>9} {'stage':26} {'seconds':>8} {'ns / n log2 n':>14} {'peak MB':>8}")
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "data").mkdir()
            (Path(folder) / "params.yaml").write_text(params)
            manifest(size).to_parquet(Path(folder) / "data/manifest.parquet", index=False)
            for name in names:
                command = [sys.executable, "-m", "benchmarks.scale", "--stage", name]
                environment = {**os.environ, "PYTHONPATH": str(ROOT)}
                done = subprocess.run(
                    command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
                )
                seconds, peak = map(float, done.stdout.split()[-2:])
                per_step = 1e9 * seconds / (size * math.log2(size))
                print(f"{size:9,} {name:26} {seconds:8.1f} {per_step:14.0f} {peak / 1e6:8.0f}", flush=True)


if __name__ == "__main__":
    main()
