"""Throughput and latency of colibri serve next to MLflow's server and LitServe: one model, one machine, one run.

    uv pip install litserve      # not part of the environment; left out of the table where it is missing
    python -m benchmarks.serve [--architecture tf_efficientnet_lite0] [--size 128] [--requests 150] [--rounds 3]
        [--litserve-python OTHER/bin/python]      # of an environment with litserve and what Colibri needs

Each server is a process of its own on 127.0.0.1 and is given the same JPEG pictures, one in each request, by 1, 8 and
64 clients with a connection each; the clients run in this process and share the cores. All servers are started and
warmed up once; in each round they take turns, in the other order each time, while the others are stopped (SIGSTOP).
Printed are medians over the rounds, and the processor time of a request, which other work on the machine changes less.
colibri serve also measures each picture and stores each answer. It takes 3 to 8 minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from benchmarks import positive, run_main
from benchmarks.server_process import free_port, make_model, make_pictures, run_process

CLIENTS = (1, 8, 64)
MOST_SECONDS = 8  # of one measurement
WARM_UP = 40  # requests
LITSERVE = """
import base64, sys
import litserve
from pathlib import Path
from pipeline.prediction.classifier import PictureClassifier

class Served(litserve.LitAPI):
    def setup(self, device):
        self.classifier = PictureClassifier.load(Path(sys.argv[1]))
    def decode_request(self, request):
        return self.classifier.read(base64.b64decode(request["image"]))
    def predict(self, pictures):
        return self.classifier.classify(list(pictures))
    def unbatch(self, found):
        return [(labels, scores) for labels, scores in zip(found.labels, found.scores)]
    def encode_response(self, found):
        return {"class": found[0][0], "scores": found[1].tolist()}

if __name__ == "__main__":
    server = litserve.LitServer(Served(max_batch_size=32, batch_timeout=0.005), accelerator="cpu", timeout=60)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, log_level="error")
"""


def register_model(folder: Path, predictor: Path, example: bytes) -> None:
    """Registers it as `colibri-served` in a store of its own, as the stage `register` does."""
    import pandas as pd

    from pipeline.tracking import registry, runs

    os.environ["DVC_ROOT"] = str(folder)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
    run_id, _ = runs.completed_run("served", "served", {"a": 1}, pd.DataFrame(), {})
    registry.create_version("colibri-served", run_id, "served", predictor, example, {})


def head(path: str, kind: str, body: bytes, port: int) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        f"content-type: {kind}",
        f"content-length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def send_all(port: int, requests: list[bytes], clients: int, number: int) -> list[float]:
    """Seconds of each of `number` requests, by so many clients at once; each waits for its answer."""
    times: list[float] = []
    places = iter(range(number))
    deadline = time.monotonic() + MOST_SECONDS

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for place in places:
            if time.monotonic() > deadline:
                break
            start = time.perf_counter()
            writer.write(requests[place % len(requests)])
            status = await reader.readline()
            assert b" 200 " in status, status
            length, is_chunked = 0, False
            while (line := (await reader.readline()).lower()) != b"\r\n":
                length = int(line.split(b":")[1]) if line.startswith(b"content-length") else length
                is_chunked |= line.startswith(b"transfer-encoding")
            assert not is_chunked
            await reader.readexactly(length)
            times.append(time.perf_counter() - start)
        writer.close()

    await asyncio.gather(*(work() for _ in range(clients)))
    return times


class Figures(NamedTuple):
    """Of one server and number of clients: requests/s, p50 and p99 in ms, processor time of a request in ms."""

    rate: float
    p50: float
    p99: float
    processor: float


@contextmanager
def only_running(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Lets a stopped server run in this block."""
    os.killpg(process.pid, signal.SIGCONT)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGSTOP)


def processor_seconds(pid: int) -> float:
    """Of a process and of those that it started."""
    parent = psutil.Process(pid)
    times = [one.cpu_times() for one in [parent, *parent.children(recursive=True)]]
    return sum(one.user + one.system for one in times)


def measure(process: subprocess.Popen[bytes], port: int, requests: list[bytes], number: int) -> dict[int, Figures]:
    """Clients to figures."""
    found = {}
    for clients in CLIENTS:
        used, start = processor_seconds(process.pid), time.perf_counter()
        times = asyncio.run(send_all(port, requests, clients, number))
        seconds = time.perf_counter() - start
        used = processor_seconds(process.pid) - used
        low, high = np.percentile(times, (50, 99)) * 1000
        found[clients] = Figures(len(times) / seconds, float(low), float(high), 1000 * used / len(times))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="tf_efficientnet_lite0")
    parser.add_argument("--size", type=int, default=128, help="pixels of the network")
    parser.add_argument("--side", type=int, default=300, help="pixels of the pictures")
    parser.add_argument("--requests", type=positive, default=150)
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--litserve-python", metavar="PYTHON", help="of an environment with litserve")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        predictor = make_model(folder / "predictor", options.architecture, options.size)
        pictures = make_pictures(16, options.side)
        register_model(folder, predictor, pictures[0])
        (folder / "lit.py").write_text(LITSERVE)
        bare = measure_classifier(predictor, pictures)
        print(
            f"{options.architecture} at {options.size} px, JPEG of {len(pictures[0]):,} bytes, {os.cpu_count()} cores, "
            f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}, load {os.getloadavg()[0]:.1f};"
        )
        print(f"{options.requests} requests; decode and classify without HTTP, batches of 32: {bare:.0f} pictures/s")
        started = {}
        for server in servers(folder, predictor, options.litserve_python):
            port = free_port()
            log, words = folder / f"{server.title}.log", [*server.words, str(port)]
            process = running.enter_context(run_process(words, port, server.path, log, server.python))
            requests = [server.write(one, port) for one in pictures]
            asyncio.run(send_all(port, requests, 4, WARM_UP))
            os.killpg(process.pid, signal.SIGSTOP)
            started[server.title] = (process, port, requests)
        rounds: dict[str, list[dict[int, Figures]]] = {title: [] for title in started}
        for number in range(options.rounds):
            for title in list(started)[:: 1 if number % 2 == 0 else -1]:
                process, port, requests = started[title]
                with only_running(process):
                    asyncio.run(send_all(port, requests, 4, 8))
                    rounds[title].append(measure(process, port, requests, options.requests))
        print_table(rounds)


def print_table(rounds: dict[str, list[dict[int, Figures]]]) -> None:
    """Medians over the rounds, and how often colibri serve answers while the others answer once."""
    medians = {
        title: {clients: Figures(*np.median([one[clients] for one in found], axis=0)) for clients in CLIENTS}
        for title, found in rounds.items()
    }
    print(
        "| server | clients | requests/s | p50 ms | p99 ms | processor ms/request |",
        "|---|---|---|---|---|---|",
        sep="\n",
    )
    for title, found in medians.items():
        for clients, one in found.items():
            print(f"| {title} | {clients} | {one.rate:.1f} | {one.p50:.1f} | {one.p99:.1f} | {one.processor:.1f} |")
    first, *others = medians
    for other in others:
        ratios = [
            f"{clients}: {medians[first][clients].rate / medians[other][clients].rate:.2f}" for clients in CLIENTS
        ]
        print(f"{first} / {other}, by clients: {', '.join(ratios)}")
    print(f"load at the end {os.getloadavg()[0]:.1f}")


class Server(NamedTuple):
    """How a server is started and called.

    Attributes:
        title: Of the table.
        words: Of the command, without the port.
        path: That answers when it is ready.
        write: A request from a picture and the port.
        python: That runs it.
    """

    title: str
    words: list[str]
    path: str
    write: Callable[[bytes, int], bytes]
    python: str = sys.executable


def servers(folder: Path, predictor: Path, litserve_python: str | None) -> Iterator[Server]:
    """Those that are compared, colibri serve first."""

    def as_json(wrap: Callable[[str], object], path: str) -> Callable[[bytes, int], bytes]:
        def write(data: bytes, port: int) -> bytes:
            body = json.dumps(wrap(base64.b64encode(data).decode())).encode()
            return head(path, "application/json", body, port)

        return write

    model, one = "colibri-served/1", as_json(lambda text: {"image": text}, "/predict")
    serve = ["-m", "pipeline.commands.main", "serve", "--model", model, "--store"]
    bare = [*serve, f"sqlite:///{folder / 'bare.db'}", "--no-properties", "--port"]
    record = as_json(lambda text: {"dataframe_records": [{"image": text}]}, "/invocations")
    mlflow = ["-m", "mlflow", "models", "serve", "-m", f"models:/{model}", "--env-manager", "local", "--port"]
    yield Server("colibri serve", [*serve, f"sqlite:///{folder / 'answers.db'}", "--port"], "/healthz", one)
    yield Server("colibri serve --no-properties", bare, "/healthz", one)
    yield Server("mlflow models serve", mlflow, "/ping", record)
    if litserve_python or find_spec("litserve"):
        words = [str(folder / "lit.py"), str(predictor)]
        yield Server("LitServe", words, "/health", one, litserve_python or sys.executable)


def measure_classifier(predictor: Path, pictures: list[bytes]) -> float:
    """Pictures/s of decoding and the network in one thread, in batches of 32."""
    from pipeline.prediction.classifier import PictureClassifier

    classifier = PictureClassifier.load(predictor)
    classifier.classify([classifier.read(one) for one in (pictures * 2)[:32]])
    start = time.perf_counter()
    for _ in range(3):
        classifier.classify([classifier.read(one) for one in (pictures * 2)[:32]])
    return 96 / (time.perf_counter() - start)


if __name__ == "__main__":
    run_main(main)
