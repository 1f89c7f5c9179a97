"""Throughput and latency of colibri serve next to MLflow's server and LitServe: one model, one machine, one run.

    uv pip install litserve      # not part of the environment; left out of the table where it is missing
    python -m benchmarks.serve [--architecture tf_efficientnet_lite0] [--size 128] [--requests 200]

Each server is a process of its own on 127.0.0.1 and is given the same JPEG pictures, one in each request, by 1, 8 and
64 clients with a connection each; the clients run in this process and share the cores. The servers take turns and none
runs next to another. colibri serve also measures each picture and stores each answer.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

CLIENTS = (1, 8, 64)
START_SECONDS = 180
MOST_SECONDS = 45  # of one measurement
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


def make_model(folder: Path, architecture: str, size: int) -> Path:
    """A predictor with random weights, whose speed is that of a trained one."""
    from pipeline.core import artifacts, config
    from pipeline.training.trainers.network import Classifier, NetworkPredictor

    encoder = {"_target_": "pipeline.models.encoders.network.PretrainedNetwork", "architecture": architecture}
    encoder |= {"weights": "none", "library": "timm"}
    task = {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0.0}
    transform = {"_target_": "pipeline.models.transforms.normalise.Normalise", "image_size": size}
    transform |= {"mean": [0.5] * 3, "std": [0.5] * 3}
    network = Classifier(config.build(encoder, "encoder"), 10, dropout=0.0).eval()
    predictor = NetworkPredictor(
        network, config.build(task, "task"), config.build(transform, "transform"), ["identity"], "fp32"
    )
    folder.mkdir(parents=True, exist_ok=True)
    card = {
        **predictor.save(folder),
        "classes": [f"class {number}" for number in range(10)],
        "encoder": encoder,
        "task": task,
        "transform": transform,
        "packing": {"size": size, "fit": "crop", "channels": 3, "max_pixels": 50_000_000},
    }
    artifacts.write_json(folder / "card.json", card)
    return folder


def register_model(folder: Path, predictor: Path, example: bytes) -> None:
    """Registers it as `colibri-served` in a store of its own, as the stage `register` does."""
    import pandas as pd

    from pipeline.tracking import registry, runs

    os.environ["DVC_ROOT"] = str(folder)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
    run_id, _ = runs.completed_run("served", "served", {"a": 1}, pd.DataFrame(), {})
    registry.create_version("colibri-served", run_id, "served", predictor, example, {})


def make_pictures(number: int, side: int) -> list[bytes]:
    """JPEG pictures of smooth noise."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(number):
        small = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        buffer = io.BytesIO()
        small.resize((side * 4 // 3, side), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        found.append(buffer.getvalue())
    return found


@contextmanager
def run_process(words: list[str], port: int, path: str, log: Path) -> Iterator[None]:
    """A server that answers, ended at the end of the block."""
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, *words], stdout=file, stderr=file, start_new_session=True)
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{words[:4]} did not start: {log.read_text()[-500:]}")
                with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
                    break
                time.sleep(0.3)
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


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


def measure(port: int, requests: list[bytes], number: int) -> dict[int, tuple[float, float, float]]:
    """Clients to requests/s, p50 and p99 in milliseconds."""
    asyncio.run(send_all(port, requests, 4, 20))
    found = {}
    for clients in CLIENTS:
        start = time.perf_counter()
        times = asyncio.run(send_all(port, requests, clients, number))
        rate = len(times) / (time.perf_counter() - start)
        low, high = np.percentile(times, (50, 99)) * 1000
        found[clients] = (rate, float(low), float(high))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="tf_efficientnet_lite0")
    parser.add_argument("--size", type=int, default=128, help="pixels of the network")
    parser.add_argument("--side", type=int, default=300, help="pixels of the pictures")
    parser.add_argument("--requests", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        predictor = make_model(folder / "predictor", options.architecture, options.size)
        pictures = make_pictures(16, options.side)
        register_model(folder, predictor, pictures[0])
        (folder / "lit.py").write_text(LITSERVE)
        bare = measure_classifier(predictor, pictures)
        print(
            f"{options.architecture} at {options.size} px, JPEG of {len(pictures[0]):,} bytes, {os.cpu_count()} cores,"
        )
        print(f"{options.requests} requests; decode and classify without HTTP, batches of 32: {bare:.0f} pictures/s")
        print("| server | clients | requests/s | p50 ms | p99 ms |", "|---|---|---|---|---|", sep="\n")
        for title, words, path, make in servers(folder, predictor):
            port = free_port()
            requests = [make(one, port) for one in pictures]
            with run_process([*words, str(port)], port, path, folder / "log"):
                for clients, (rate, low, high) in measure(port, requests, options.requests).items():
                    print(f"| {title} | {clients} | {rate:.1f} | {low:.1f} | {high:.1f} |", flush=True)


Server = tuple[str, list[str], str, Callable[[bytes, int], bytes]]


def servers(folder: Path, predictor: Path) -> Iterator[Server]:
    """Name, command without the port, a path that answers when it is ready, and how a request is written."""

    def as_json(wrap: Callable[[str], object], path: str) -> Callable[[bytes, int], bytes]:
        def write(data: bytes, port: int) -> bytes:
            body = json.dumps(wrap(base64.b64encode(data).decode())).encode()
            return head(path, "application/json", body, port)

        return write

    model = "colibri-served/1"
    serve = ["-m", "pipeline.commands.main", "serve", "--model", model, "--store", f"sqlite:///{folder / 'answers.db'}"]
    mlflow = ["-m", "mlflow", "models", "serve", "-m", f"models:/{model}", "--env-manager", "local", "--port"]
    yield "colibri serve", [*serve, "--port"], "/healthz", as_json(lambda text: {"image": text}, "/predict")
    bare = [*serve, "--no-properties", "--port"]
    yield "colibri serve --no-properties", bare, "/healthz", as_json(lambda text: {"image": text}, "/predict")
    yield (
        "mlflow models serve",
        mlflow,
        "/ping",
        as_json(lambda text: {"dataframe_records": [{"image": text}]}, "/invocations"),
    )
    if find_spec("litserve"):
        lit = [str(folder / "lit.py"), str(predictor)]
        yield "LitServe", lit, "/health", as_json(lambda text: {"image": text}, "/predict")


def measure_classifier(predictor: Path, pictures: list[bytes]) -> float:
    """Pictures/s of decoding and the network in one thread, in batches of 32."""
    from pipeline.prediction.classifier import PictureClassifier

    classifier = PictureClassifier.load(predictor)
    classifier.classify([classifier.read(one) for one in (pictures * 2)[:32]])
    start = time.perf_counter()
    for _ in range(3):
        classifier.classify([classifier.read(one) for one in (pictures * 2)[:32]])
    return 96 / (time.perf_counter() - start)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
