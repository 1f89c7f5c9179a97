"""Seconds that every check of conf/check/ takes on 10,000 samples with at least 20 properties, as conf/ has them.

    python -m benchmarks.checks_cost                    # 2 classes, 10 classes, and 10 labels of which two on a sample
    python -m benchmarks.checks_cost --samples 50000

Target: all of them in under 60 s on 2 cores. Imports and reading come before the clock. Beside the seconds stands the
processor time, since other programs at work lengthen the first and hardly the second; a check that has both cores at
work shows more of it than of seconds.
"""

from __future__ import annotations

import argparse
import os
import time
from importlib import import_module

import numpy as np

from benchmarks import made, scale
from pipeline.core import config
from pipeline.core.findings import build_checks, judged_samples
from pipeline.core.grouping import with_twins
from pipeline.core.nuisances import nuisances

TARGET = 60
KINDS = ((2, 1), (10, 1), (10, 2))  # classes, labels of a sample


def cost(num_samples: int, num_classes: int, labels_each: int) -> dict[str, np.ndarray]:
    """Seconds and processor seconds of each check."""
    params = scale.chosen()
    manifest = made.manifest(num_samples, num_classes, labels_each)
    twins = made.twins(manifest)
    splits = config.build(params["split"], "split")(with_twins(manifest, twins), None)
    samples = judged_samples(manifest, splits, twins)
    print(f"\n{num_samples:,} samples, {num_classes} classes, at most {labels_each} on a sample, ", end="")
    print(f"{sum('prop_' in column for column in samples)} measured, {len(nuisances(samples))} properties in all")
    print(f"{'check':20} {'seconds':>8} {'processor':>10}")
    found = {}
    for name, check in build_checks(params["check"], "check").items():
        start = np.array([time.perf_counter(), time.process_time()])
        check(samples)
        found[name] = np.array([time.perf_counter(), time.process_time()]) - start
        print(f"{name:20} {found[name][0]:8.2f} {found[name][1]:10.2f}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000)
    arguments = parser.parse_args()
    for library in scale.LIBRARIES_OF_CHECKS:
        import_module(library)
    print(f"{os.cpu_count()} cores, {os.getloadavg()[0]:.1f} programs at work when it began")
    for kind in KINDS:
        seconds, processor = np.sum(list(cost(arguments.samples, *kind).values()), axis=0)
        print(f"{'all':20} {seconds:8.2f} {processor:10.2f}   target: {TARGET} s")


if __name__ == "__main__":
    main()
