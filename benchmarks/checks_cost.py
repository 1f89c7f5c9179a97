"""Seconds that every check of conf/check/ and conf/curate/ takes on 10,000 samples with at least 20 properties.

    python -m benchmarks.checks_cost                    # 2 classes, 10 classes, and 10 labels of which two on a sample
    python -m benchmarks.checks_cost --samples 50000

Target: all of them in under 60 s on 2 cores, as conf/ has them. Imports, reading and the features of the samples come
before the clock; those are made up here, and elsewhere the work of the stage embed. augmentation_safety runs the
network of conf/ itself, on pictures of noise. Beside the seconds stands the processor time, since other programs at
work lengthen the first and hardly the second; a check that has both cores at work shows more of it than of seconds.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import made, positive, run_main, scale
from pipeline.checks.check_runner import merge_samples
from pipeline.core import config
from pipeline.core.content import EmbeddedImages
from pipeline.datasets.near_duplicates.groups import add_duplicate_group
from pipeline.datasets.properties import collect_properties
from pipeline.features.extractor import FeatureExtractor, FeatureOptions

TARGET = 60
LIBRARIES = ("cleanlab.filter", "sklearn.linear_model", "torch")
KINDS = ((2, 1), (10, 1), (10, 2))  # classes, labels of a sample


def cost(num_samples: int, num_classes: int, labels_each: int) -> dict[str, np.ndarray]:
    """Seconds and processor seconds of each check."""
    params = scale.chosen()
    manifest = made.manifest(num_samples, num_classes, labels_each)
    duplicates = made.duplicates(manifest)
    splits = config.build(params["split"], "split")(add_duplicate_group(manifest, duplicates), None)
    samples = merge_samples(manifest, splits, duplicates)
    print(f"\n{num_samples:,} samples, {num_classes} classes, at most {labels_each} on a sample, ", end="")
    print(
        f"{sum('prop_' in column for column in samples)} measured, {len(collect_properties(samples))} properties in all"
    )
    print(f"{'check':20} {'seconds':>8} {'processor':>10}")
    content = made_content(params, samples)
    calls = {name: partial(check, samples) for name, check in config.build_all(params, "check").items()}
    calls |= {name: partial(check, samples, content) for name, check in config.build_all(params, "curate").items()}
    found = {}
    for name, call in calls.items():
        start = np.array([time.perf_counter(), time.process_time()])
        call()
        found[name] = np.array([time.perf_counter(), time.process_time()]) - start
        print(f"{name:20} {found[name][0]:8.2f} {found[name][1]:10.2f}", flush=True)
    return found


def made_content(params: dict[str, Any], samples: pd.DataFrame) -> EmbeddedImages:
    """Features in clouds around the first label's point, and pictures of noise."""
    featuriser = FeatureExtractor(config.instantiate(FeatureOptions, params["embed"], "embed"))
    first = pd.factorize(samples["labels"].map(lambda names: names[0]))[0]
    generator = np.random.default_rng(0)
    points = generator.standard_normal((first.max() + 1, featuriser.feature_dim), np.float32)
    features = points[first] + 3 * generator.standard_normal((len(samples), featuriser.feature_dim), np.float32)

    def pictures(rows: np.ndarray) -> np.ndarray:
        shape = (len(rows), featuriser.image_size, featuriser.image_size, 3)
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    policy = config.build_all(params, "augmentation")
    return EmbeddedImages(features=features.astype(np.float16), policy=policy, pictures=pictures, embed=featuriser)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=positive, default=10_000)
    arguments = parser.parse_args()
    for library in (*scale.LIBRARIES_OF_CHECKS, *LIBRARIES):
        import_module(library)
    print(f"{os.cpu_count()} cores, {os.getloadavg()[0]:.1f} programs at work when it began")
    for kind in KINDS:
        seconds, processor = np.sum(list(cost(arguments.samples, *kind).values()), axis=0)
        print(f"{'all':20} {seconds:8.2f} {processor:10.2f}   target: {TARGET} s")


if __name__ == "__main__":
    run_main(main)
