"""How long `evaluate` takes on many samples, without the network's own forward passes.

    python -m benchmarks.evaluate [--samples 10000]        # in a project whose last run is complete

The artifacts of the project, with the test part repeated until it has that many samples: each copy is a sample and a
group of its own, with the scores of its original and some noise, so that groups are resampled and few scores are equal.
Everything else is the stage itself: the packed arrays are read, every metric of params.yaml has its interval, the
baseline on the properties, slices and the page are made. It runs in a temporary folder. Target: under 60 s for 10,000
samples of 128 pixels on two cores.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import platform
import pstats
import shutil
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks import positive, run_main
from pipeline.core import artifacts
from pipeline.core.contracts import Predictor
from pipeline.core.evaluation_contracts import FeaturePredictor

NOISE = 0.3  # of the logits of a copy
NUM_FEATURES = 64  # pictures whose features stand for those of all


def enlarge(project: Path, num_test: int) -> np.ndarray:
    """Writes the tables and arrays of the larger project into the current folder; (M, K) scores of val and test."""
    for name in ("data", "reports"):
        shutil.copytree(project / name, name, ignore=shutil.ignore_patterns("packed", "data_docs", "embeddings"))
    for path in project.iterdir():
        if path.name not in ("data", "reports"):
            Path(path.name).symlink_to(path.resolve())
    (artifacts.PACKED).mkdir()
    shutil.copy(project / artifacts.PACKED / "card.json", artifacts.PACKED)
    index = artifacts.read_table(project / artifacts.PACKED / "index.parquet")
    test = np.flatnonzero(index["split"] == "test")
    copy = np.arange(num_test) // len(test)
    rows = np.r_[np.flatnonzero(index["split"] != "test"), np.resize(test, num_test)]
    suffix = np.r_[np.full(len(rows) - num_test, ""), np.where(copy, [f"#{one}" for one in copy], "")]
    larger = index.iloc[rows].reset_index(drop=True)
    larger = larger.assign(sample_id=larger["sample_id"] + suffix, origin=larger["origin"] + suffix)
    is_copy = suffix != ""
    larger.loc[is_copy, "group"] = larger.loc[is_copy, "sample_id"]
    artifacts.write_table(artifacts.PACKED / "index.parquet", larger)
    images = np.load(project / artifacts.PACKED / "images.npy", mmap_mode="r")
    np.save(artifacts.PACKED / "images.npy", images[rows])
    enlarge_tables(project, index["sample_id"].to_numpy()[rows], larger)
    return noisy_scores(project, index["sample_id"].to_numpy()[rows], larger)


def enlarge_tables(project: Path, originals: np.ndarray, larger: pd.DataFrame) -> None:
    """The manifest, the splits and the frozen features of the larger index."""
    artifacts.EMBEDDINGS.mkdir()
    shutil.copy(project / artifacts.EMBEDDINGS / "card.json", artifacts.EMBEDDINGS)
    known = artifacts.read_table(project / artifacts.EMBEDDINGS / "index.parquet")["sample_id"]
    rows = pd.Series(np.arange(len(known)), index=known).loc[originals].to_numpy()
    np.save(artifacts.EMBEDDINGS / "features.npy", np.load(project / artifacts.EMBEDDINGS / "features.npy")[rows])
    artifacts.write_table(artifacts.EMBEDDINGS / "index.parquet", larger[["sample_id"]])
    for path in (artifacts.MANIFEST, artifacts.SPLITS):
        table = artifacts.read_table(project / path).set_index("sample_id").loc[originals]
        table = table.reset_index(drop=True).assign(group=larger["group"])
        table.insert(0, "sample_id", larger["sample_id"])
        artifacts.write_table(path, table)


def noisy_scores(project: Path, originals: np.ndarray, larger: pd.DataFrame) -> np.ndarray:
    """Those of the project's own predictor, moved a little."""
    stored = artifacts.read_table(project / artifacts.PREDICTIONS).set_index("sample_id")["scores"]
    rows = larger["split"].isin(["val", "test"]).to_numpy()
    scores = np.clip(np.stack(stored.loc[originals[rows]].to_list()).astype(float), 1e-6, 1)
    noisy = scores * np.exp(NOISE * np.random.default_rng(0).standard_normal(scores.shape))
    return noisy / noisy.sum(axis=1, keepdims=True)


def make_stored(predictor: Predictor, scores: np.ndarray) -> mock.Mock:
    """A predictor without forward passes: it returns these scores, and features of a few pictures repeated."""
    stored = mock.Mock(spec=predictor, task=predictor.task)
    stored.with_metadata.return_value = stored
    stored.predict.side_effect = lambda images: scores[: len(images)]
    if isinstance(predictor, FeaturePredictor):
        images = np.load(artifacts.PACKED / "images.npy", mmap_mode="r")
        features = predictor.predict_with_features(np.asarray(images[:NUM_FEATURES]))[1]
        left = [scores]

        def predict_block(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            block, left[0] = left[0][: len(images)], left[0][len(images) :]
            return block, np.resize(features, (len(images), features.shape[1]))

        stored.predict_with_features.side_effect = predict_block
    return stored


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=positive, default=10_000, help="of test")
    parser.add_argument("--profile", action="store_true", help="the 40 slowest functions as well")
    arguments = parser.parse_args()
    project = Path.cwd()
    from pipeline.stages import evaluate

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        scores = enlarge(project, arguments.samples)
        predictor, card = evaluate.load_predictor(artifacts.PREDICTOR)
        stored = make_stored(predictor, scores)
        profiler = cProfile.Profile(time.perf_counter)
        started, busy = time.perf_counter(), time.process_time()
        with mock.patch.object(evaluate, "load_predictor", return_value=(stored, card)):
            lines = profiler.runcall(evaluate.main) if arguments.profile else evaluate.main()
        seconds, worked = time.perf_counter() - started, time.process_time() - busy
        page = artifacts.REPORT.stat().st_size
        os.chdir(project)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores; {lines[0]}; {seconds:.1f} s, {worked:.1f} s of processor here"
    )
    print(f"report.html: {page / 1e6:.1f} MB")
    if arguments.profile:
        pstats.Stats(profiler).sort_stats("cumulative").print_stats(40)


if __name__ == "__main__":
    run_main(main)
