"""Peak memory of ingest by the number of pictures: of the stage's process, and of the largest of its workers.

    python -m benchmarks.memory                 # 1,000 and 10,000 pictures
    python -m benchmarks.memory 50000           # other numbers

The pictures are generated, JPEG of 256 x 256 pixels in two classes, fifty of them under all names. Each number runs in
a process of its own, libraries included.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import positive, run_main

ROOT = Path(__file__).parents[1]
SIZES = (1_000, 10_000)
DISTINCT = 50


def pictures(folder: Path, number: int) -> None:
    """That many files below two class folders."""
    encoded = []
    for seed in range(DISTINCT):
        coarse = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(coarse).resize((256, 256)).save(buffer, "JPEG")
        encoded.append(buffer.getvalue())
    for position in range(number):
        place = folder / f"class{position % 2}" / f"{position:07d}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(encoded[position % DISTINCT])


def scan(folder: str) -> None:
    """One ingest in this process; prints rows, seconds, and peak kilobytes of it and of its largest worker."""
    from joblib.externals.loky import get_reusable_executor

    from pipeline.datasets.ingestion import ingest
    from pipeline.datasets.sources.folder import Folder
    from pipeline.images.decoding import Decoding
    from pipeline.media.picture_codec import PictureCodec
    from pipeline.media.reader import SampleReader

    source = Folder(name="memory", path=folder, watch=folder)
    start = time.perf_counter()
    manifest, _ = ingest(SampleReader(source=source, codec=PictureCodec(decoding=Decoding(max_pixels=100_000_000))))
    seconds = time.perf_counter() - start
    get_reusable_executor().shutdown(wait=True)  # the peak of a process is known once it has ended
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(len(manifest), seconds, *peaks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=positive, nargs="*", default=SIZES)
    parser.add_argument("--scan", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.scan:
        scan(arguments.scan)
        return
    print(f"{'pictures':>9} {'seconds':>8} {'stage MB':>9} {'worker MB':>10}")
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            pictures(Path(folder), size)
            command = [sys.executable, "-m", "benchmarks.memory", "--scan", folder]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        rows, seconds, stage, worker = map(float, done.stdout.split()[-4:])
        print(f"{int(rows):9,} {seconds:8.1f} {stage / 1e3:9.0f} {worker / 1e3:10.0f}", flush=True)


if __name__ == "__main__":
    run_main(main)
