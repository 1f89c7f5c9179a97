"""Ingest, embed and predict on this machine's processes and on a Ray cluster of two nodes: same bytes, times, kills.

    sudo python -m benchmarks.engine                       # 10,000 made pictures
    sudo python -m benchmarks.engine --pictures 2000 --size 32

Each node is a network namespace with an address of its own, joined by a virtual cable (`ip netns`, so Linux and root);
the stages run in the first one. Every file that they write is compared by SHA-256 between `local`, `ray`, and `ray`
where in the middle of ingest and of predict a worker that has work is ended with kill -9, and in the middle of embed
the whole second node. Both nodes share this machine's processor, so ray cannot be faster here: what it costs to begin
and for each batch is measured, and from these the number of pictures from which N such machines pay is computed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import operator
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import positive, run_main
from benchmarks.predict import make_model
from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.machine import name_processor
from pipeline.core.parallel import ENGINE, num_workers, parallel_map
from pipeline.engines.local import BATCH

ROOT = Path(__file__).parents[1]
NAMES = ("colibri-a", "colibri-b")  # namespaces
ADDRESSES = ("10.200.7.1", "10.200.7.2")
PORT = 6379
STORE = 100_000_000  # bytes of shared memory of a node
START = 240  # seconds
STEPS = {  # name to what it writes
    "ingest": ("data/manifest.parquet", "data/quarantine.parquet"),
    "embed": ("data/embeddings",),
    "predict": ("predictions.parquet",),
}
BROKEN_EVERY = 1000  # a file that is no picture
CALLS = 300  # batches, for the time of one
MACHINES = (2, 4, 8, 16)
ENDED = {"ingest": "ray::work_on", "embed": "raylet/raylet", "predict": "ray::work_on"}  # by kill -9


@dataclass
class Cluster:
    """Two namespaces and the Ray nodes in them."""

    folder: Path
    token: str = field(default_factory=lambda: secrets.token_hex(32))

    def environment(self) -> dict[str, str]:
        quiet = {
            "RAY_worker_niceness": "0",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
        }
        return {**os.environ, **quiet, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    def wrap(self, node: int, words: list[str]) -> list[str]:
        return ["ip", "netns", "exec", NAMES[node], *words]

    def start(self, node: int) -> None:
        """Starts the head (0) or the other node (1), each with one process."""
        ray = str(Path(sys.executable).with_name("ray"))
        words = [ray, "start", f"--node-ip-address={ADDRESSES[node]}", "--num-cpus=1", f"--object-store-memory={STORE}"]
        head = ["--head", f"--port={PORT}", "--include-dashboard=false", f"--temp-dir={self.folder / 'ray'}"]
        words += head if node == 0 else [f"--address={ADDRESSES[0]}:{PORT}"]
        done = subprocess.run(
            self.wrap(node, words),
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=START,
        )
        if done.returncode:
            raise UserError(f"ray start failed: {' '.join(done.stderr.split())[-300:]}")

    def processes(self, node: int, name: str = "") -> list[int]:
        """Those of a node whose command holds a name."""
        found = subprocess.run(["ip", "netns", "pids", NAMES[node]], capture_output=True, text=True, check=False)
        return [one for one in map(int, found.stdout.split()) if name in read_command(one)]

    def stop(self, node: int) -> None:
        for one in self.processes(node):
            end(one)


def read_command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def end(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def open_cluster(folder: Path) -> Iterator[Cluster]:
    """Two nodes, which are ended with their namespaces."""
    if shutil.which("ip") is None or os.geteuid():
        raise UserError("two network namespaces need Linux's ip (iproute2) and root; run this with sudo")
    links = ("colibri0", "colibri1")
    cluster = Cluster(folder)
    commands = [f"netns add {one}" for one in NAMES]
    commands.append(f"link add {links[0]} netns {NAMES[0]} type veth peer name {links[1]} netns {NAMES[1]}")
    for name, address, link in zip(NAMES, ADDRESSES, links, strict=True):
        commands += [f"-n {name} addr add {address}/24 dev {link}", f"-n {name} link set {link} up"]
        commands.append(f"-n {name} link set lo up")
    try:
        for one in commands:
            subprocess.run(["ip", *one.split()], check=True, capture_output=True)
        cluster.start(0)
        cluster.start(1)
        yield cluster
    finally:
        for node, name in enumerate(NAMES):
            cluster.stop(node)
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def make_project(folder: Path, number: int, size: int) -> Path:
    """A folder with pictures of two classes, a few files that are none, parameters, and a model with random weights."""
    generator = np.random.default_rng(0)
    for row in range(number):
        place = folder / "pictures" / f"class{row % 2}" / f"{row:06}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        if row % BROKEN_EVERY == BROKEN_EVERY // 2:
            place.write_bytes(b"no picture")
            continue
        small = Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        small.resize((2 * size, size), Image.Resampling.BICUBIC).save(place, quality=90)
    chosen = ["source=folder", f"source.path={folder / 'pictures'}", "ingest.cache=false"]
    sides = [f"embed.image_size={size}", f"embed.transform.image_size={size}"]
    (folder / "params.yaml").write_text(config.compose(ROOT / "conf", [*chosen, *sides]), encoding="utf-8")
    (folder / "conf").symlink_to(ROOT / "conf")
    make_model(folder / "model", "small", size)
    return folder


def run_step(project: Path, step: str, cluster: Cluster | None) -> tuple[float, dict[str, str]]:
    """Seconds of a step in a process of its own, and the digest of every file that it wrote."""
    words = [sys.executable, "-m", f"pipeline.stages.{step}"]
    if step == "predict":
        words = [sys.executable, "-m", "benchmarks.engine", "--step", step]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", ENGINE: "local"}
    if cluster is not None:
        words = cluster.wrap(0, words)
        environment = {**cluster.environment(), ENGINE: "ray", "RAY_ADDRESS": f"{ADDRESSES[0]}:{PORT}"}
    started = time.perf_counter()
    done = subprocess.run(words, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{step} failed: {done.stderr.strip()[-2000:]}")
    return time.perf_counter() - started, digest(project, STEPS[step])


def digest(project: Path, places: tuple[str, ...]) -> dict[str, str]:
    files = [
        file for place in places for file in sorted([project / place, *(project / place).rglob("*")]) if file.is_file()
    ]
    return {str(file.relative_to(project)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def kill_in_the_middle(cluster: Cluster, name: str, delay: float, ended: list[str]) -> threading.Thread:
    """Ends a process of the second node after some seconds, as soon as there is one with this name."""

    def wait() -> None:
        time.sleep(delay)
        for _ in range(600):
            if found := cluster.processes(1, name):
                ended.append(read_command(found[0]).split()[0].rpartition("/")[2])
                end(found[0])
                return
            time.sleep(0.05)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def predict_here(project: Path) -> None:
    """Predicts every picture with the random model, in this process."""
    import pandas as pd

    from pipeline.prediction.classifier import PictureClassifier
    from pipeline.prediction.tables import predict_files

    paths = sorted(str(path) for path in (project / "pictures").rglob("*.jpg"))
    tables = list(predict_files(PictureClassifier.load(project / "model"), paths))
    artifacts.write_table(project / "predictions.parquet", pd.concat(tables, ignore_index=True))


def measure_calls() -> dict[str, float]:
    """Seconds from nothing to the first results, and for each batch after that, of items that take no time."""
    started = time.perf_counter()
    list(parallel_map(operator.neg, range(BATCH * 8), BATCH * 8, "calls"))
    first = time.perf_counter() - started
    started = time.perf_counter()
    list(parallel_map(operator.neg, range(BATCH * CALLS), BATCH * CALLS, "calls"))
    return {"first": first, "batch": (time.perf_counter() - started) / CALLS}


def compare(project: Path, number: int, cluster: Cluster) -> None:
    seconds: dict[str, dict[str, float]] = {}
    wanted: dict[str, dict[str, str]] = {}
    for step in STEPS:
        local, wanted[step] = run_step(project, step, None)
        clean, found = run_step(project, step, cluster)
        ended: list[str] = []
        killer = kill_in_the_middle(cluster, ENDED[step], clean * 0.6, ended)
        killed, after = run_step(project, step, cluster)
        killer.join(timeout=60)
        if ENDED[step].startswith("raylet"):
            cluster.stop(1)
            cluster.start(1)
        seconds[step] = {"local": local, "ray": clean, "ray killed": killed}
        same = "same bytes" if found == wanted[step] else "OTHER BYTES"
        same_after = "same bytes" if after == wanted[step] else "OTHER BYTES"
        print(
            f"{step:8} {len(wanted[step])} files, local {local:.1f} s ({number / local:.0f} pictures/s); "
            f"ray {clean:.1f} s, {same}; kill -9 of {ended[0] if ended else 'nothing'} after {clean * 0.6:.0f} s: "
            f"{killed:.1f} s, {same_after}; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        if (found, after) != (wanted[step], wanted[step]) or not ended:
            raise UserError(f"{step}: ray and local differ, or nothing was ended; see above")
    report_costs(project, number, cluster, seconds)


def report_costs(project: Path, number: int, cluster: Cluster, seconds: dict[str, dict[str, float]]) -> None:
    """Prints what ray costs, and from how many pictures it pays on more machines: arithmetic, not measured."""
    words = cluster.wrap(0, [sys.executable, "-m", "benchmarks.engine", "--step", "calls"])
    environment = {**cluster.environment(), ENGINE: "ray", "RAY_ADDRESS": f"{ADDRESSES[0]}:{PORT}"}
    done = subprocess.run(words, cwd=project, env=environment, capture_output=True, text=True, check=True)
    costs = json.loads(done.stdout.splitlines()[-1])
    print(f"measured: {costs['first']:.1f} s from nothing to the first results, {1000 * costs['batch']:.1f} ms a batch")
    print(
        f"computed: pictures from which N machines of {num_workers()} cores pay, n = first / (t - t/N - batch/{BATCH})"
    )
    for step, found in seconds.items():
        each = found["local"] / number
        saved = {n: each - each / n - costs["batch"] / BATCH for n in MACHINES}
        texts = [
            f"{n} machines {costs['first'] / gain:,.0f}" if gain > 0 else f"{n} machines never"
            for n, gain in saved.items()
        ]
        print(f"  {step:8} t = {1000 * each:.2f} ms a picture: {', '.join(texts)}")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the nodes are ended
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=positive, default=10_000)
    parser.add_argument("--size", type=positive, default=32, help="side in pixels that the networks see")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "predict":
        predict_here(Path.cwd())
    elif options.step == "calls":
        print(json.dumps(measure_calls()))
    else:
        print(
            f"{name_processor()}, {num_workers()} cores, load {os.getloadavg()[0]:.1f}, {options.pictures:,} pictures"
        )
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            project = make_project(folder / "project", options.pictures, options.size)
            with open_cluster(folder) as cluster:
                compare(project, options.pictures, cluster)


if __name__ == "__main__":
    run_main(main)
