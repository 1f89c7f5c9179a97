"""A server as a process of its own, with a model and pictures that were made for it."""

from __future__ import annotations

import io
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image

START_SECONDS = 180
FIRST_PORT, NUM_PORTS = 15_000, 15_000
NUMBERS = itertools.count(101 * os.getpid())  # so that processes side by side begin elsewhere


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
def run_process(
    words: list[str], port: int, path: str, log: Path, python: str = sys.executable
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers, ended at the end of the block."""
    with log.open("wb") as file:
        process = subprocess.Popen([python, *words], stdout=file, stderr=file, start_new_session=True)
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{words[:4]} did not start: {log.read_text()[-500:]}")
                with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
                    break
                time.sleep(0.3)
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens, another one each time.

    It is below those that the system gives to connections (Linux: from 32768), one of which could take it first.
    """
    while True:
        port = FIRST_PORT + next(NUMBERS) % NUM_PORTS
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
