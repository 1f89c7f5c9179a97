"""What every metric of conf/metric/ costs, with an interval from resamples of many predictions.

    python -m benchmarks.metrics [--samples 10000] [--classes 10] [--resamples 2000]

Labels and scores are random, that of the true class raised; every sample is a group of its own, so that groups are
resampled. `all` is one call of `estimate_metrics` with the whole list, as `evaluate` makes it, in which metrics share
counts; a metric alone counts for itself. Target: under 5 s for all, with 2,000 resamples of 10,000 predictions of 10
classes on one core (OMP_NUM_THREADS=1) or two.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time

import numpy as np
import yaml

from benchmarks import positive, run_main
from pipeline.core import config
from pipeline.core.evaluation_contracts import Metric
from pipeline.core.predictions import Predictions
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.statistics.bootstrap import Bootstrap


def every_metric() -> dict[str, Metric]:
    """Name to metric, of all files in conf/metric/."""
    nodes: dict[str, object] = {}
    for path in sorted((config.CONF / "metric").glob("*.yaml")):
        nodes |= yaml.safe_load(path.read_text(encoding="utf-8"))
    return config.build_all({"metric": nodes}, "metric")


def random_predictions(num_samples: int, num_classes: int) -> Predictions:
    """Of exclusive classes, about three of four right."""
    generator = np.random.default_rng(0)
    targets = np.eye(num_classes)[generator.integers(0, num_classes, num_samples)]
    logits = generator.standard_normal((num_samples, num_classes)) + 3 * targets
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = np.arange(num_samples).astype(str)
    return Predictions(
        sample_ids=names,
        groups=names,
        targets=targets,
        decided=scores == scores.max(axis=1, keepdims=True),
        scores=scores.astype(np.float32),
        classes=[f"c{one}" for one in range(num_classes)],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=positive, default=10_000)
    parser.add_argument("--classes", type=positive, default=10)
    parser.add_argument("--resamples", type=positive, default=2000)
    parser.add_argument("--each", action="store_true", help="also each metric alone")
    arguments = parser.parse_args()
    metrics = every_metric()
    predictions = random_predictions(arguments.samples, arguments.classes)
    bootstrap = Bootstrap(num_resamples=arguments.resamples, seed=0)
    print(f"{platform.machine()}, {os.cpu_count()} cores, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}")
    print(f"{arguments.resamples:,} resamples of {arguments.samples:,} predictions, {arguments.classes} classes")
    print("| metrics | s | s of processor |")
    print("|---|---:|---:|")
    next(iter(bootstrap.replicates(predictions.groups[:200])))  # imports
    measure(f"all {len(metrics)}", metrics, predictions, bootstrap)
    for name, metric in metrics.items() if arguments.each else ():
        measure(name, {name: metric}, predictions, bootstrap)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


def measure(name: str, metrics: dict[str, Metric], predictions: Predictions, bootstrap: Bootstrap) -> None:
    started, busy = time.perf_counter(), time.process_time()
    estimate_metrics(metrics, predictions, bootstrap)
    print(f"| {name} | {time.perf_counter() - started:.2f} | {time.process_time() - busy:.2f} |", flush=True)


if __name__ == "__main__":
    run_main(main)
