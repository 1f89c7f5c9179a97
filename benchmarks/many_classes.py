"""What the figures and slices of `evaluate` cost with very many classes.

    python -m benchmarks.many_classes [--classes 1000] [--pictures 1000]

Labels and scores are random, that of the true class raised. Every picture is a group of its own, so that groups are
resampled, and has two attributes, of four and three values. Metrics and number of resamples are those of params.yaml.
Target: 60 s for both, with 1,000 classes and 1,000 pictures.
"""

from __future__ import annotations

import argparse
import os
import platform
import time

import numpy as np
import pandas as pd

from benchmarks import positive, run_main
from pipeline.core import config
from pipeline.core.predictions import Predictions
from pipeline.evaluation.slice_candidates import list_slices
from pipeline.evaluation.slices import slice_table
from pipeline.evaluation.split_evaluation import Options, evaluate_split


def predictions(num_classes: int, num_pictures: int, seed: int) -> pd.DataFrame:
    """`labels`, `decided`, `scores`, `group` and two attributes of each picture."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, num_classes, num_pictures)
    scores = generator.dirichlet(np.full(num_classes, 0.1), size=num_pictures)
    scores[np.arange(num_pictures), truth] += 0.3
    scores /= scores.sum(axis=1, keepdims=True)
    decided = scores.argmax(axis=1)
    return pd.DataFrame(
        {
            "sample_id": np.arange(num_pictures).astype(str),
            "labels": [[f"c{one}"] for one in truth],
            "decided": [[f"c{one}"] for one in decided],
            "scores": list(scores),
            "group": np.arange(num_pictures).astype(str),
            "attr_site": generator.choice(list("abcd"), num_pictures),
            "attr_day": generator.choice(list("xyz"), num_pictures),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=positive, default=1000)
    parser.add_argument("--pictures", type=positive, default=1000)
    arguments = parser.parse_args()
    params = config.load_params()
    metrics = config.build_all(params, "metric")
    options = Options.of(params)
    test = predictions(arguments.classes, arguments.pictures, 0)
    classes = [f"c{one}" for one in range(arguments.classes)]
    print(f"{platform.machine()}, {os.cpu_count()} cores, {arguments.classes} classes, {arguments.pictures} pictures")
    print("| part | s | s of processor |")
    print("|---|---:|---:|")
    started, busy = time.perf_counter(), time.process_time()
    of_test = Predictions.of(test, classes)
    evaluate_split(metrics, of_test, options)
    row("figures", started, busy)
    started, busy = time.perf_counter(), time.process_time()
    slices, _ = list_slices(test, of_test, options.min_slice, options.max_slices)
    slice_table(slices, of_test, metrics, options.bootstrap, options.min_slice)
    row("slices", started, busy)


def row(part: str, started: float, busy: float) -> None:
    print(f"| {part} | {time.perf_counter() - started:.1f} | {time.process_time() - busy:.1f} |", flush=True)


if __name__ == "__main__":
    run_main(main)
