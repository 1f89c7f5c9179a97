"""Pictures a second: Colibri's ingest pass, CleanVision, and bare libjpeg-turbo, on the same files and cores.

    python -m benchmarks.scan FOLDER            # one sub-folder per class; JPEG files for a fair comparison

CleanVision and simplejpeg (libjpeg-turbo) do not belong to Colibri's environment: the script makes a throw-away one
with uv and runs them there, by the same Python. The three take turns, since a machine's speed changes from minute
to minute: a ratio is the median of three rounds. In each a figure is the best of three passes (CleanVision's of one),
files in the page cache, processes started beforehand; CleanVision's does not count the listing of the files.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROUNDS = 3
PASSES = 3  # of each round
BESIDE = ("cleanvision==0.3.7", "simplejpeg==1.9.0")
ISSUES = ("dark", "light", "odd_aspect_ratio", "odd_size", "low_information", "blurry", "grayscale")
DUPLICATES = ("exact_duplicates", "near_duplicates")


def best(run: Callable[[], object], passes: int = PASSES) -> float:
    """Seconds of the fastest pass; the first warms caches and processes up and does not count."""
    times = []
    for _ in range(passes + 1):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def colibri(folder: Path) -> float:
    from pipeline.datasets.ingestion import ingest
    from pipeline.datasets.sources.folder import Folder
    from pipeline.images.decoding import Decoding
    from pipeline.media.picture_codec import PictureCodec
    from pipeline.media.reader import SampleReader

    source = Folder(name="scan", path=str(folder), watch=str(folder))
    reader = SampleReader(source=source, codec=PictureCodec(decoding=Decoding(max_pixels=100_000_000)))
    return best(lambda: ingest(reader))


def cleanvision(paths: list[str], workers: int) -> float:
    from cleanvision import Imagelab

    issues = {name: {} for name in ISSUES + DUPLICATES}
    lab = Imagelab(filepaths=paths)
    start = time.perf_counter()
    lab.find_issues(issues, n_jobs=workers, verbose=False)
    return time.perf_counter() - start


def bare(paths: list[str], workers: int) -> float:
    from multiprocessing import Pool

    with Pool(workers) as pool:
        return best(lambda: sum(pool.imap(decoded_size, paths, chunksize=16)))


def decoded_size(path: str) -> int:
    from simplejpeg import decode_jpeg

    return decode_jpeg(Path(path).read_bytes()).size


def environment(folder: str) -> Path:
    """The Python of a throw-away environment that has what is compared with."""
    python = Path(folder) / "bin/python"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, *BESIDE], check=True)
    return python


def beside(python: Path, paths: list[str], workers: int) -> dict[str, float]:
    """CleanVision's and libjpeg-turbo's seconds."""
    told = json.dumps({"paths": paths, "workers": workers})
    answer = subprocess.run([python, __file__, "--beside"], input=told, text=True, check=True, capture_output=True)
    return json.loads(answer.stdout.splitlines()[-1])


def machine() -> str:
    model = next((line.partition(":")[2] for line in lines("/proc/cpuinfo") if line.startswith("model name")), "")
    return f"{model.strip() or platform.processor()}, {platform.system()}, Python {platform.python_version()}"


def lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--beside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.beside:
        logging.disable()
        told = json.load(sys.stdin)
        seconds = {"bare": bare(**told), "cleanvision": cleanvision(**told)}
        print("\n" + json.dumps(seconds))
        return
    from pipeline.core.parallel import num_workers
    from pipeline.datasets.sources.folder import Folder

    if arguments.folder is None:
        parser.error("name a folder of pictures, one sub-folder per class")
    folder = arguments.folder.resolve()
    paths = [str(folder / path) for path in Folder(name="scan", path=str(folder), watch="").read()["path"]]
    workers = num_workers()
    print(f"{machine()}; {workers} processes; {len(paths)} files, {sum(Path(p).stat().st_size for p in paths):,} bytes")
    rounds = []
    with tempfile.TemporaryDirectory() as made:
        python = environment(made)
        for number in range(1, ROUNDS + 1):
            seconds = {"colibri": colibri(folder), **beside(python, paths, workers)}
            rounds.append({name: len(paths) / value for name, value in seconds.items()})
            print(f"round {number}: " + ", ".join(f"{name} {rate:.0f} images/s" for name, rate in rounds[-1].items()))
    times, share = (median(one["colibri"] / one[name] for one in rounds) for name in ("cleanvision", "bare"))
    print(f"Colibri's ingest pass: {times:.1f} times CleanVision, {share:.0%} of bare libjpeg-turbo")


if __name__ == "__main__":
    main()
