"""Writes a trained network as ONNX, and compares its scores with those of the model.

Takes the champion of the project's source, or another model (--model). The graph takes decoded pictures at the stored
size, (N, size, size, channels) uint8, and gives the score of each class; normalisation and test-time views are in it.
The file's metadata name the classes, the size and fit of the pictures, and the task that decides. Models of frozen
features with an estimator of scikit-learn cannot be exported. Needs the extra onnx.

Examples:
  colibri export
  colibri export --model 3 --out lite0.onnx
  colibri export --model data/predictor --out last.onnx
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.terminal import say

if TYPE_CHECKING:
    import numpy as np

    from pipeline.prediction.classifier import PictureClassifier

MAX_PICTURES = 256  # compared


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        help="NAME@champion, NAME/3, 3 or @challenger of this project, a models:/ URI, or a folder such as "
        "data/predictor (default: the project's champion)",
    )
    parser.add_argument("-o", "--out", default="model.onnx", help="(default: model.onnx)")


def main(model: str | None, out: str) -> None:
    from pipeline.prediction.onnx_export import compare_with_torch, export_onnx
    from pipeline.tracking.model_choice import load_classifier

    path = Path(out)
    if path.suffix != ".onnx":
        raise UserError(f"--out {out!r} must end in .onnx")
    classifier, title = load_classifier(model)
    say(f"model: {title}")
    export_onnx(classifier, path)
    pictures, what = example_pictures(classifier)
    parity = compare_with_torch(classifier, path, pictures)
    if parity is None:
        say("not compared with the model: the package onnxruntime is not installed (it is in the extra onnx)")
    else:
        say(
            f"compared on {parity.num_pictures:,} {what}: largest difference of a score "
            f"{parity.largest_difference:.1e}, same decision for {parity.num_same:,}"
        )
    size, channels = classifier.storage.size, classifier.storage.channels
    say(
        f"wrote {out}, {path.stat().st_size / 1e6:.1f} MB",
        f"input pictures: (N, {size}, {size}, {channels}) uint8, fit {classifier.storage.fit!r}",
        f"output scores: (N, {len(classifier.classes)}) float32",
        *(["output distance: (N,) float32, from train"] if classifier.reference is not None else []),
    )
    if parity is not None and parity.num_same < parity.num_pictures:
        raise UserError(f"{out} decides otherwise for {parity.num_pictures - parity.num_same} pictures; do not use it")


def example_pictures(classifier: PictureClassifier) -> tuple[np.ndarray, str]:
    """(N, size, size, C) stored test pictures of this project where they have the form of the model, else noise."""
    import numpy as np

    shape = classifier.storage.shape
    if (artifacts.PACKED / "card.json").is_file():
        from pipeline.datasets.packed import PackedDataset

        packed = PackedDataset.load()
        rows = np.flatnonzero((packed.index["split"] == "test").to_numpy())[:MAX_PICTURES]
        if packed.images.shape[1:] == shape and len(rows):
            return np.asarray(packed.images[rows]), "test pictures"
    noise = np.random.default_rng(0).integers(0, 256, (64, *shape), dtype=np.uint8)
    return noise, "pictures of noise (data/packed has none for this model)"
