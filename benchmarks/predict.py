"""Pictures a second of `colibri predict` against decoding and the bare forward pass, and its memory.

    python -m benchmarks.predict [--pictures 2048] [--size 256] [--encoder efficientnet_lite0] [--image-size 128]
    python -m benchmarks.predict --runtime onnx        # the same network in ONNX Runtime
    python -m benchmarks.predict --memory 1000 100000  # peak memory with so many small pictures

Made JPEG photographs and a network with its initial weights. Decoding alone uses every core, and so does the forward
pass alone, over a batch in memory already. On a processor both need the same cores, so together they reach
1 / (1 / decoding + 1 / forward); with a GPU the slower one of both. The three take turns, since a machine's speed
changes from minute to minute: the ratio is the median of the rounds (target: at least 0.85).

The second ratio is that of processor time, of all processes together, which other programs disturb less: that of
decoding and the forward pass by that of the prediction. It is below 1 by what a prediction computes besides.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import final

import numpy as np
import yaml
from PIL import Image

from benchmarks import positive, run_main
from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.parallel import num_workers, parallel_map
from pipeline.prediction.classifier import PictureClassifier
from pipeline.prediction.runtime_record import Runtime
from pipeline.prediction.served_folder import open_served
from pipeline.prediction.shared_cores import share_cores
from pipeline.prediction.tables import BATCH, predict_contents, read_content

CONF = Path(__file__).parents[1] / "conf"
ROUNDS = 3
CLASSES = [f"class{number}" for number in range(10)]
MEMORY = """
import resource, sys
from pathlib import Path
from pipeline.commands.predict import predict
predict([sys.argv[1]], sys.argv[2], Path(sys.argv[3]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def make_model(folder: Path, encoder: str, image_size: int) -> Path:
    """A predictor with initial weights, as the stage `train` writes one."""
    import torch

    from pipeline.training.tasks.single_label import SingleLabel
    from pipeline.training.trainers.network import Classifier, NetworkPredictor

    params = yaml.safe_load(config.compose(CONF, [f"encoder={encoder}", f"image_size={image_size}"]))
    node = dict(params["encoder"]) | ({"weights": "none"} if "weights" in params["encoder"] else {})
    transform = {"_target_": "pipeline.models.transforms.normalise.Normalise", "image_size": image_size}
    transform |= {"mean": [0.5] * 3, "std": [0.5] * 3}
    torch.manual_seed(0)
    network = Classifier(config.build(node, "encoder"), len(CLASSES), dropout=0.0)
    task = SingleLabel(label_smoothing=0.0)
    predictor = NetworkPredictor(network, task, config.build(transform, "transform"), ["identity"], "auto")
    folder.mkdir()
    card = {**predictor.save(folder), "classes": CLASSES, "encoder": node, "transform": transform}
    packing = {"size": image_size, "fit": "crop", "channels": 3, "max_pixels": 100_000_000}
    artifacts.write_json(folder / "card.json", {**card, "packing": packing})
    return folder


def make_photographs(folder: Path, number: int, size: int) -> list[str]:
    """JPEG files of smooth noise; 64 different ones, each under several names."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    paths = [str(folder / f"{row:06}.jpg") for row in range(number)]
    for row, path in enumerate(paths):
        if row < 64:
            small = Image.fromarray(generator.integers(0, 256, (size // 8, size // 8, 3), dtype=np.uint8))
            small.resize((size, size * 3 // 4), Image.Resampling.BICUBIC).save(path, quality=90)
        else:
            os.link(paths[row % 64], path)
    return paths


@final
@dataclass(frozen=True, kw_only=True)
class Effort:
    """What a call took.

    Attributes:
        speed: Pictures a second.
        milliseconds: Of processor time for a picture, of this process and those that decode.
    """

    speed: float
    milliseconds: float


def measure(run: Callable[[], object], number: int) -> Effort:
    """What a call took that handles so many pictures."""
    started, before = time.perf_counter(), processor_seconds()
    run()
    passed, used = time.perf_counter() - started, processor_seconds() - before
    return Effort(speed=number / passed, milliseconds=1000 * used / number)


def processor_seconds() -> float:
    """Of this process and its children, those that ended too, so far."""
    import psutil

    own = psutil.Process()
    ended = own.cpu_times().children_user + own.cpu_times().children_system
    times = [one.cpu_times() for one in (own, *own.children(recursive=True))]
    return float(ended + sum(one.user + one.system for one in times))


def measure_speed(folder: Path, model: Path, number: int, size: int, runtime: Runtime) -> None:
    """Prints each round, and the median ratios."""
    paths = make_photographs(folder / "pictures", number, size)
    read = partial(read_content, PictureClassifier.load(model).read)
    batch = [picture for picture in map(read, paths[:BATCH]) if isinstance(picture, np.ndarray)]
    stacked = np.stack(batch)
    with open_served(model, runtime, stacked, np.arange(len(stacked))) as served:
        if served.problem:
            raise UserError(f"torch computes this model, not ONNX Runtime: {served.problem}")
        classifier = PictureClassifier.load(served.folder)
    bare = classifier.network or classifier.predictor

    def decode() -> None:
        for _ in parallel_map(read, paths, len(paths), "decode"):
            pass

    def forward() -> None:
        for _ in range(0, number, len(batch)):
            bare.predict(stacked)

    def predict() -> None:
        for _ in predict_contents(classifier, zip(paths, paths, strict=True), len(paths)):
            pass

    import torch

    has_gpu = torch.cuda.is_available()
    predict()  # starts the processes
    ratios, of_time = [], []
    for row in range(1, ROUNDS + 1):
        decoding, passing, whole = (measure(run, number) for run in (decode, forward, predict))
        speeds = (decoding.speed, passing.speed)
        bound = min(speeds) if has_gpu else 1 / sum(1 / one for one in speeds)
        ratios.append(whole.speed / bound)
        of_time.append((decoding.milliseconds + passing.milliseconds) / whole.milliseconds)
        print(
            f"round {row}: decoding {speeds[0]:.0f} pictures/s, forward {speeds[1]:.0f}, both {bound:.0f}, predict "
            f"{whole.speed:.0f}, ratio {ratios[-1]:.2f}; processor time {decoding.milliseconds:.1f} ms, "
            f"{passing.milliseconds:.1f}, together {whole.milliseconds:.1f}, ratio {of_time[-1]:.2f}; "
            f"load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
    print(f"ratio {median(ratios):.2f}, of processor time {median(of_time):.2f}; target 0.85")


def measure_memory(folder: Path, model: Path, numbers: list[int]) -> None:
    """Prints the peak of the process that predicts, for archives of so many pictures."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(buffer, "PNG")
    for count in numbers:
        archive = folder / f"{count}.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for row in range(count):
                file.writestr(f"{row // 1000:04}/{row:07}.png", buffer.getvalue())
        words = [sys.executable, "-c", MEMORY, str(archive), str(model), str(folder / "out.parquet")]
        started = time.perf_counter()
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        peak = int(done.stdout.split()[-1]) / 1024
        print(f"{count:,} pictures in a zip: {peak:.0f} MiB at most, {time.perf_counter() - started:.0f} s", flush=True)


def main() -> None:
    share_cores()
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=positive, default=2048)
    parser.add_argument("--size", type=positive, default=256, help="longer side of a photograph")
    parser.add_argument("--encoder", default="efficientnet_lite0")
    parser.add_argument("--image-size", type=positive, default=128)
    parser.add_argument("--runtime", choices=["torch", "onnx"], default="torch")
    parser.add_argument(
        "--memory", type=positive, nargs="+", help="measure memory with so many pictures each, and no speed"
    )
    options = parser.parse_args()
    print(json.dumps({"machine": platform.machine(), "cores": num_workers(), "torch": torch.__version__}))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.memory:
            measure_memory(folder, make_model(folder / "model", "small", 32), options.memory)
        else:
            number = -(-options.pictures // BATCH) * BATCH
            model = make_model(folder / "model", options.encoder, options.image_size)
            measure_speed(folder, model, number, options.size, options.runtime)


if __name__ == "__main__":
    run_main(main)
