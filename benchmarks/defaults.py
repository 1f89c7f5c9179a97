"""Defaults of training against their alternatives on one data set, through the stages ingest, augment and train.

    python -m benchmarks.defaults source=folder source.path=PHOTOGRAPHS split=given --recipe pad augment.fit=pad
    python -m benchmarks.defaults source=elpv --pictures 50 300 --recipe default --recipe logistic train=logistic

Without --pictures the split of the data set is taken. With it that many pictures are sampled for train and val (a
fifth is val), for each seed others, and at most 500 of the rest are the test. A row is printed as soon as it is
measured: accuracy and balanced accuracy on the test in percent, the mean and the range over seeds, and seconds.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks import natural, positive, run_main
from pipeline.core import artifacts, config
from pipeline.core.labels import to_matrix
from pipeline.datasets.packed import PackedDataset
from pipeline.stages import augment, find_duplicates, ingest, split
from pipeline.training.recipe import SECTIONS, no_log, select_recipe

CONF = config.CONF.resolve()
MAX_TEST = 500


def write_params(overrides: Sequence[str]) -> Any:
    """Composes params.yaml in the current folder, and returns the parameters."""
    config.PARAMS.write_text(config.compose(CONF, list(overrides)), encoding="utf-8")
    return config.load_params()


def sample_splits(classes: Sequence[str], num_pictures: int, seed: int) -> pd.DataFrame:
    """Splits of pictures of some classes: a fifth of `num_pictures` is val, at least four, and the rest train."""
    manifest = artifacts.read_table(artifacts.MANIFEST)
    first = manifest["labels"].map(lambda labels: labels[0] if labels is not None and len(labels) else None)
    manifest = manifest[first.isin(classes) if classes else first.notna()].reset_index(drop=True)
    order = np.random.default_rng(seed).permutation(len(manifest))
    num_val = max(4, num_pictures // 5)
    rest = len(order) - num_pictures
    names = ["val"] * num_val + ["train"] * (num_pictures - num_val) + ["test"] * min(MAX_TEST, rest)
    rows = manifest.iloc[order[: len(names)]]
    return pd.DataFrame(
        {"sample_id": rows["sample_id"].to_numpy(), "group": rows["sample_id"].to_numpy(), "split": names}
    )


@cache
def pack(packing: bytes) -> PackedDataset:
    """All pictures of the manifest, stored as a section `augment` (in canonical JSON) says."""
    sample_ids = artifacts.read_table(artifacts.MANIFEST)["sample_id"].to_numpy()
    artifacts.write_table(
        artifacts.SPLITS, pd.DataFrame({"sample_id": sample_ids, "group": sample_ids, "split": "train"})
    )
    augment.main()
    packed = PackedDataset.load()
    return PackedDataset(np.array(packed.images), packed.index, packed.card)


def take(packed: PackedDataset, splits: pd.DataFrame) -> PackedDataset:
    """The pictures that have a split, in the order of the table."""
    rows = pd.Index(packed.index["sample_id"]).get_indexer(splits["sample_id"])
    index = packed.index.iloc[rows].assign(split=splits["split"].to_numpy()).reset_index(drop=True)
    classes = sorted(set(index["labels"].explode().dropna()))
    return PackedDataset(packed.images[rows], index, packed.card | {"classes": classes})


def measure(overrides: Sequence[str], splits: pd.DataFrame, seed: int) -> tuple[float, float, int]:
    """Accuracy and balanced accuracy on the test, 0 to 100, and how many pictures it has."""
    params = write_params(overrides)
    if "seed" in params["train"]:
        params["train"]["seed"] = seed
    packed = take(pack(artifacts.canonical_json(params["augment"])), splits)
    recipe, _ = select_recipe({name: params[name] for name in SECTIONS}, packed)
    predictor, _ = recipe.fit(packed, no_log)
    rows = np.flatnonzero(packed.index["split"] == "test")
    metadata = packed.index.iloc[rows].reset_index(drop=True)
    decided = predictor.task.decide(predictor.with_metadata(metadata).predict(packed.images[rows]))
    truth = to_matrix(metadata["labels"].tolist(), packed.classes) > 0
    right = (decided == truth).all(axis=1)
    by_class = [right[truth[:, one]].mean() for one in range(truth.shape[1]) if truth[:, one].any()]
    return 100 * float(right.mean()), 100 * float(np.mean(by_class)), len(rows)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="+", help="what all recipes share: the source and its split")
    parser.add_argument("--recipe", nargs="+", action="append", metavar=("NAME", "OVERRIDE"), help="one to measure")
    parser.add_argument("--pictures", type=positive, nargs="+", help="of train and val together; all if not given")
    parser.add_argument("--classes", nargs="+", default=[], help="those that are taken; all if not given")
    parser.add_argument("--seeds", type=positive, default=3)
    parser.add_argument("--first-seed", type=natural, default=0)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    print(f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(" ".join(arguments.overrides))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("data").mkdir()
        write_params([*arguments.overrides, "ingest.decisions=false"])
        ingest.main()
        if not arguments.pictures:
            find_duplicates.main()
            split.main()
        given = None if arguments.pictures else artifacts.read_table(artifacts.SPLITS)
        print(f"{'pictures':>8} {'recipe':20} {'accuracy':>20} {'balanced accuracy':>20} {'test':>5} {'seconds':>8}")
        for num_pictures in arguments.pictures or [None]:
            for name, *recipe in arguments.recipe or [["default"]]:
                started, results = time.perf_counter(), []
                for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
                    splits = sample_splits(arguments.classes, num_pictures, seed) if num_pictures else given
                    results.append(measure([*arguments.overrides, *recipe], splits, seed))
                seconds = (time.perf_counter() - started) / len(results)
                cells = [
                    f"{np.mean(one):.1f} ({min(one):.1f} to {max(one):.1f})"
                    for one in list(zip(*results, strict=True))[:2]
                ]
                count = "all" if num_pictures is None else f"{num_pictures:,}"
                print(
                    f"{count:>8} {name:20} {cells[0]:>20} {cells[1]:>20} {results[0][2]:5} {seconds:8.0f}", flush=True
                )


if __name__ == "__main__":
    run_main(main)
