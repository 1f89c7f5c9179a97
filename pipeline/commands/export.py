"""Writes a trained network as ONNX, compares its decisions with those of the model, and measures the speed of both.

Takes the champion of the project's source, or another model (--model). The graph takes decoded pictures at the stored
size, (N, size, size, channels) uint8, and gives the score of each class; normalisation and test-time views are in it.
The file's metadata name the classes, the size and fit of the pictures, and the task that decides. It is compared on
all test pictures of this project, and refused where it decides otherwise for one. Models of frozen features with an
estimator of scikit-learn cannot be exported. Needs the extra onnx.

The speeds are medians of rounds in which both take turns, one picture at a time and 32 at a time, on this machine's
processor. Where ONNX Runtime is the faster one, register.runtime=onnx makes new versions use it.

Examples:
  colibri export --onnx
  colibri export --model 3 --out lite0.onnx
  colibri export --model data/predictor --out last.onnx
"""

from __future__ import annotations

import shutil
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of, say

if TYPE_CHECKING:
    import numpy as np

    from pipeline.prediction.classifier import PictureClassifier
    from pipeline.prediction.onnx_comparison import Parity, Speed

NUM_NOISE = 64  # pictures that are compared where there is no test part


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        help="NAME@champion, NAME/3, 3 or @challenger of this project, a models:/ URI, or a folder such as "
        "data/predictor (default: the project's champion)",
    )
    parser.add_argument("-o", "--out", default="model.onnx", help="(default: model.onnx)")
    parser.add_argument("--onnx", action="store_true", help="the format; the only one so far, so it may be left out")


def main(model: str | None, out: str, onnx: bool = True) -> None:
    from pipeline.prediction.onnx_comparison import describe_difference
    from pipeline.prediction.onnx_export import export_onnx
    from pipeline.tracking.model_choice import load_classifier

    path = Path(out)
    if path.suffix != ".onnx":
        raise UserError(f"--out {out!r} must end in .onnx")
    classifier, title = load_classifier(model)
    say(f"model: {title}")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / path.name
        export_onnx(classifier, made)
        parity, speeds = compare(classifier, made)
        if parity is not None and (problem := describe_difference(classifier, parity)):
            raise UserError(f"{problem}; {out} is not written")
        try:
            with artifacts.atomic_write(path) as temporary:
                shutil.copyfile(made, temporary)
        except OSError as error:
            raise UserError(f"{out!r} cannot be written: {error.strerror or error}; choose another --out") from None
    axes = ", ".join(map(str, classifier.storage.shape))
    say(
        f"wrote {out}, {path.stat().st_size / 1e6:.1f} MB",
        f"input pictures: (N, {axes}) uint8, fit {classifier.card['packing']['fit']!r}",
        f"output scores: (N, {len(classifier.classes)}) float32",
        *(["output distance: (N,) float32, from train"] if classifier.reference is not None else []),
    )
    if speeds and all(one.onnx > one.torch for one in speeds):
        say("ONNX Runtime is faster here and decides alike: colibri run register.runtime=onnx makes a version of it")


def compare(classifier: PictureClassifier, path: Path) -> tuple[Parity | None, list[Speed]]:
    """Compares and measures, and says what was found; None and nothing where onnxruntime is not installed."""
    from importlib.util import find_spec

    from pipeline.prediction.onnx_comparison import BATCHES, compare_with_torch, load_network, measure_speeds

    if find_spec("onnxruntime") is None:
        say("not compared with the model: the package onnxruntime is not installed (it is in the extra onnx)")
        return None, []
    import torch

    network = load_network(classifier, path)
    images, rows, what = example_pictures(classifier)
    parity = compare_with_torch(classifier, network, images, rows)
    say(
        f"compared on {parity.num_pictures:,} {what}: largest difference of a score {parity.largest_difference:.1e}, "
        f"same decision for {parity.num_same:,}"
    )
    speeds = measure_speeds(classifier, network, images[rows[: max(BATCHES)]])
    where = "the GPU" if torch.cuda.is_available() else count_of(torch.get_num_threads(), "thread")
    threads = count_of(torch.get_num_threads(), "thread")
    noun = noun_of(classifier.codec.media)
    for speed in speeds:
        say(
            f"{count_of(speed.batch, noun)} at a time: ONNX Runtime {speed.onnx:.0f} {noun}s/s on {threads}, "
            f"torch {speed.torch:.0f} on {where}"
        )
    return parity, speeds


def example_pictures(classifier: PictureClassifier) -> tuple[np.ndarray, np.ndarray, str]:
    """(M, size, size, C) uint8 pictures and the (N,) positions of those to compare, and what they are.

    They are the stored test pictures of this project where these have the form of the model, else noise.
    """
    import numpy as np

    shape, noun = classifier.storage.shape, noun_of(classifier.codec.media)
    if (artifacts.PACKED / "card.json").is_file():
        from pipeline.datasets.packed import PackedDataset

        packed = PackedDataset.load()
        rows = np.flatnonzero((packed.index["split"] == "test").to_numpy())
        if packed.images.shape[1:] == shape and len(rows):
            return packed.images, rows, f"test {noun}s"
    noise = np.random.default_rng(0).integers(0, 256, (NUM_NOISE, *shape), dtype=np.uint8)
    return noise, np.arange(NUM_NOISE), f"{noun}s of noise (data/packed has none for this model)"
