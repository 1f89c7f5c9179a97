"""Pictures a second: Colibri's ingest pass, CleanVision, and bare libjpeg-turbo, on the same files and cores.

    python -m benchmarks.scan FOLDER            # one sub-folder per class; JPEG files for a fair comparison

CleanVision and simplejpeg (libjpeg-turbo) do not belong to Colibri's environment: the script makes a throw-away one
with uv and runs them there, by the same Python. Every figure is the best of three passes, files in the page cache,
worker processes started beforehand; CleanVision's does not count the listing of the files.
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

PASSES = 3
BESIDE = ("cleanvision==0.3.7", "simplejpeg==1.9.0")
ISSUES = ("dark", "light", "odd_aspect_ratio", "odd_size", "low_information", "blurry", "grayscale")
DUPLICATES = ("exact_duplicates", "near_duplicates")


def best(run: Callable[[], object]) -> float:
    """Seconds of the fastest pass; the first warms caches and processes up and does not count."""
    times = []
    for _ in range(PASSES + 1):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def colibri(folder: Path) -> float:
    from pipeline.sources.folder import Folder
    from pipeline.stages.ingest import ingest

    source = Folder(name="scan", path=str(folder), watch=str(folder))
    return best(lambda: ingest(source, max_pixels=100_000_000))


def cleanvision(paths: list[str], workers: int) -> float:
    from cleanvision import Imagelab

    issues = {name: {} for name in ISSUES + DUPLICATES}
    labs = [Imagelab(filepaths=paths) for _ in range(PASSES + 1)]
    return best(lambda: labs.pop().find_issues(issues, n_jobs=workers, verbose=False))


def bare(paths: list[str], workers: int) -> float:
    from multiprocessing import Pool

    with Pool(workers) as pool:
        return best(lambda: sum(pool.imap(decoded_size, paths, chunksize=16)))


def decoded_size(path: str) -> int:
    from simplejpeg import decode_jpeg

    return decode_jpeg(Path(path).read_bytes()).size


def beside(paths: list[str], workers: int) -> dict[str, float]:
    """CleanVision's and libjpeg-turbo's seconds, measured in an environment made for it."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin/python"
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, *BESIDE], check=True)
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
    from pipeline.sources.folder import Folder

    if arguments.folder is None:
        parser.error("name a folder of pictures, one sub-folder per class")
    folder = arguments.folder.resolve()
    paths = [str(folder / path) for path in Folder(name="scan", path=str(folder), watch="").read()["path"]]
    workers = num_workers()
    seconds = {"colibri": colibri(folder), **beside(paths, workers)}
    rate = {name: len(paths) / value for name, value in seconds.items()}
    times, share = rate["colibri"] / rate["cleanvision"], rate["colibri"] / rate["bare"]
    print(f"{machine()}; {workers} processes; {len(paths)} files, {sum(Path(p).stat().st_size for p in paths):,} bytes")
    print(f"Colibri's ingest pass   {rate['colibri']:8.0f} images/s")
    print(f"CleanVision             {rate['cleanvision']:8.0f} images/s; Colibri does {times:.1f} times as many")
    print(f"bare libjpeg-turbo      {rate['bare']:8.0f} images/s; Colibri does {share:.0%} of them")


if __name__ == "__main__":
    main()
