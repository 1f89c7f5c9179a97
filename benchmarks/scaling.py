"""What a million, 100 million and ten billion pictures would take: measured costs of a picture, and arithmetic.

    python -m benchmarks.scaling                  # measures, then prints the tables of docs/scaling.md
    python -m benchmarks.scaling --pictures 400 --vectors 10000 40000

Measured is the processor time of one thread, since other programs on the machine hardly change it; pictures are JPEG of
made noise, 640 x 480. The rates of split and of the checks are those of a million rows in
docs/evidence/performance.md. All that the tables say beyond that is computed from these, and marked so.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from benchmarks import made, positive, run_main
from benchmarks.embed import CONF
from pipeline.core import artifacts, config
from pipeline.core.machine import name_processor
from pipeline.datasets.near_duplicates.photo_pairs import shrink
from pipeline.datasets.near_duplicates.template_matching import match_similarity
from pipeline.features.extractor import FeatureExtractor, FeatureOptions
from pipeline.images.decoding import Decoding, content_hash, decode
from pipeline.images.properties import decode_and_measure
from pipeline.statistics import nearest_neighbors

MILLION = 10**6
SIZES = {"1 M": MILLION, "100 M": 100 * MILLION, "10 G": 10_000 * MILLION}
LIMITS = Decoding(max_pixels=100 * MILLION)
DETAIL = 256  # numbers of the vectors that near-duplicates are looked up by
FILE = 100_000  # bytes of a picture, assumed for the tables
ROWS = 100_000  # of the made manifest whose bytes are counted
OF_A_MILLION = {"validate": 14.5, "split": 39.9, "check": 150.0}  # processor seconds, docs/evidence/performance.md
OF_A_ROW = {"ingest": 4000, "validate": 1419, "split": 1708, "check": 1620}  # bytes of memory, the same page
PACKED = 144 * 144 * 3  # bytes of a picture as training reads it
FEATURES = 1280 * 2  # bytes of the features of a picture
STEP = 3.0  # forward passes that a step of training costs
EPOCHS = 5
SPREAD = {"ingest", "find_duplicates: read", "find_duplicates: compare", "embed", "augment", "predict"}  # by an engine


def make_photographs(number: int) -> list[bytes]:
    """JPEG files of smooth noise, 640 x 480."""
    generator = np.random.default_rng(0)
    found = []
    for _ in range(number):
        small = Image.fromarray(generator.integers(0, 256, (60, 80, 3), dtype=np.uint8))
        buffer = io.BytesIO()
        small.resize((640, 480), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        found.append(buffer.getvalue())
    return found


def each(run: Callable[..., object], items: Iterable[object]) -> float:
    """Processor seconds of an item."""
    listed = list(items)
    run(listed[0])
    started = time.process_time()
    for one in listed:
        run(one)
    return (time.process_time() - started) / len(listed)


def measure_pictures(number: int) -> dict[str, float]:
    """Processor seconds of a picture, by what is done to it."""
    import torch

    torch.set_num_threads(1)
    files = make_photographs(number)
    params = yaml.safe_load(config.compose(CONF))
    options: FeatureOptions = config.instantiate(FeatureOptions, params["embed"], "embed")
    storage, frozen = options.storage(3), FeatureExtractor(options).frozen
    pictures = [decode(one, LIMITS) for one in files]
    stored = [storage.convert(one) for one in pictures]
    size = options.batch_size
    batches = [stored[start : start + size] for start in range(0, len(stored) - size + 1, size)]
    thumbnails = np.stack([shrink(one) for one in pictures])
    pairs = np.column_stack([np.arange(number), np.roll(np.arange(number), 1), np.zeros(number, dtype=int)])
    started = time.process_time()
    match_similarity(thumbnails, pairs)
    matched = (time.process_time() - started) / number
    return {
        "decode": each(lambda one: decode(one, LIMITS), files),
        "decode and measure": each(lambda one: decode_and_measure(one, LIMITS), files),
        "decode and hash": each(lambda one: content_hash(decode(one, LIMITS)), files),
        "shrink to a thumbnail": each(shrink, pictures),
        "fit to 112 pixels": each(storage.convert, pictures),
        "network at 112 pixels": each(frozen, batches) / size,
        "compare a pair": matched,
    }


def measure_search(number: int) -> float:
    """Processor seconds of a vector: building the index of so many and looking each up, two neighbours."""
    import faiss

    faiss.omp_set_num_threads(1)
    vectors = np.random.default_rng(0).standard_normal((number, DETAIL), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    started = time.process_time()
    index = nearest_neighbors.build_index(vectors.astype(np.float16))
    for start in range(0, number, nearest_neighbors.BLOCK):
        index.search(vectors[start : start + nearest_neighbors.BLOCK], 2)
    return (time.process_time() - started) / number


def count_manifest() -> float:
    """Bytes of a row of the manifest, as it is stored."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "manifest.parquet"
        artifacts.write_table(path, made.manifest(ROWS))
        return path.stat().st_size / ROWS


def compute_seconds(each: dict[str, float], search: dict[int, float], number: float) -> dict[str, float]:
    """Thread seconds of each stage with so many pictures; looking up grows with the power 1.5 of their number."""
    largest = max(search)
    bigger = (128 / 112) ** 2  # training and prediction see 128 pixels
    return {
        "ingest": number * each["decode and measure"],
        "validate": number / MILLION * OF_A_MILLION["validate"],
        "find_duplicates: read": number * (each["decode and hash"] + each["shrink to a thumbnail"]),
        "find_duplicates: look up": 3 * number * search[largest] * (number / largest) ** 0.5,
        "find_duplicates: compare": 3 * number * each["compare a pair"],
        "split": number / MILLION * OF_A_MILLION["split"],
        "check": number / MILLION * OF_A_MILLION["check"],
        "embed": number * (each["decode and hash"] + each["fit to 112 pixels"] + each["network at 112 pixels"]),
        "augment": number * (each["decode and hash"] + each["fit to 112 pixels"]),
        "train": EPOCHS * number * STEP * bigger * each["network at 112 pixels"],
        "predict": number * (each["decode"] + each["fit to 112 pixels"] + bigger * each["network at 112 pixels"]),
    }


def compute_bytes(number: float, row: float) -> dict[str, tuple[float, float]]:
    """Memory of the stage's own process, and what it writes, of each stage with so many pictures."""
    return {
        "ingest": (number * OF_A_ROW["ingest"], number * row),
        "validate": (number * OF_A_ROW["validate"], 0),
        "find_duplicates: look up": (2 * number * DETAIL * 2, number * 64 * 64),  # twice while the index is built
        "split": (number * OF_A_ROW["split"], number * 20),
        "check": (number * OF_A_ROW["check"], 0),
        "embed": (0, number * FEATURES),
        "augment": (0, number * PACKED),
    }


def show_time(seconds: float) -> str:
    """In the unit that fits."""
    for unit, length in (("years", 365 * 86_400), ("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.0f} s"


def show_bytes(number: float) -> str:
    for unit, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return "-" if not number else f"{number:.0f} B"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=positive, default=200)
    parser.add_argument("--vectors", type=positive, nargs="+", default=[10_000, 40_000, 100_000])
    options = parser.parse_args()
    print(f"{name_processor()}, one thread, load {os.getloadavg()[0]:.1f}")
    found = measure_pictures(max(options.pictures, 64))
    print("\nmeasured, ms of one thread a picture, JPEG of 640 x 480:")
    for name, seconds in found.items():
        print(f"  {name:28} {1000 * seconds:8.2f}", flush=True)
    search = {}
    for number in options.vectors:
        search[number] = measure_search(number)
        print(f"  {f'look up among {number:,}':28} {1000 * search[number]:8.2f}", flush=True)
    row = count_manifest()
    print(f"measured, bytes of a row of the manifest on disk: {row:.0f}")
    print("\ncomputed, one thread; an engine spreads what has a star:")
    for label, size in SIZES.items():
        print(f"{label} pictures, {show_bytes(size * FILE)} of files of {show_bytes(FILE)}")
        sizes = compute_bytes(size, row)
        for stage, seconds in compute_seconds(found, search, size).items():
            memory, disk = sizes.get(stage, (0, 0))
            star = "*" if stage in SPREAD else " "
            print(f"  {stage:26}{star} {show_time(seconds):>14} {show_bytes(memory):>10} {show_bytes(disk):>10}")


if __name__ == "__main__":
    run_main(main)
