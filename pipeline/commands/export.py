"""Writes a trained network as ONNX, or with --to the data set in the format of another tool.

ONNX: takes the champion of the project's source, or another model (--model). The graph takes decoded pictures at the
stored size, (N, size, size, channels) uint8, and gives the score of each class; normalisation and test-time views are
in it. The file's metadata name the classes, the size and fit of the pictures, and the task that decides. It is
compared on all test pictures of this project, and refused where it decides otherwise for one. Models of frozen
features with an estimator of scikit-learn cannot be exported. Needs the extra onnx.

The speeds are medians of rounds in which both take turns, one picture at a time and 32 at a time, on this machine's
processor. Where ONNX Runtime is the faster one, register.runtime=onnx makes new versions use it.

The data set: --to darwin, label_studio, coco, csv or folder writes a folder with the pictures, the labels that people
have decided on until now, answers, split and groups, and a conf file by which Colibri reads the folder back. It is read
back before it gets its name, and refused where a label or an attribute would not come back.

Examples:
  colibri export --onnx
  colibri export --model 3 --out lite0.onnx
  colibri export --model data/predictor --out last.onnx
  colibri export --to coco
  colibri export --to csv --out ~/for_ada --link       links to the pictures instead of copies
  colibri export --to folder --force                   replaces an earlier export
"""

from __future__ import annotations

import shlex
import shutil
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of, say

if TYPE_CHECKING:
    import numpy as np

    from pipeline.prediction.classifier import PictureClassifier
    from pipeline.prediction.onnx_comparison import Parity, Speed

FORMATS = ("darwin", "label_studio", "coco", "csv", "folder")
NUM_NOISE = 64  # pictures that are compared where there is no test part


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        help="NAME@champion, NAME/3, 3 or @challenger of this project, a models:/ URI, or a folder such as "
        "data/predictor (default: the project's champion)",
    )
    parser.add_argument("-o", "--out", help="(default: model.onnx; of a data set the folder exported/NAME_FORMAT)")
    parser.add_argument("--onnx", action="store_true", help="the format of a network, the only one: may be left out")
    parser.add_argument("--to", choices=FORMATS, help="writes the data set, in this format")
    parser.add_argument("--link", action="store_true", help="of a data set: links to files instead of copies")
    parser.add_argument("--force", action="store_true", help="of a data set: replaces what an earlier export wrote")


def main(
    model: str | None,
    out: str | None,
    onnx: bool = True,
    to: str | None = None,
    link: bool = False,
    force: bool = False,
) -> None:
    if to is None and (link or force):
        raise UserError("--link and --force are of a data set; add --to FORMAT")
    if to is not None and (model is not None or onnx):
        raise UserError("--to writes the data set, and --model and --onnx a network; give one of them")
    if to is None:
        write_network(model, out or "model.onnx")
    else:
        write_data_set(to, out, link, force)


def write_data_set(to: str, out: str | None, link: bool, force: bool) -> None:
    """Writes the data set and says what it holds, and how it is read back."""
    from pipeline.labelling.exchange.export import export_set

    params = config.load_params()
    name = str(config.get_section(params, "source")["name"])
    done = export_set(params, to, Path(out or f"exported/{name}_{to}").expanduser(), link, force)
    samples = done.content.samples
    num_labelled = sum(one.is_labelled for one in samples)
    classes = count_of(len(done.content.classes), "class", "classes")
    written = count_of(len(samples), noun_of(done.content.media))
    say(
        f"wrote {done.folder}: {written}, {num_labelled:,} labelled, {classes}",
        "read back and compared: labels and split are the same" + ("" if to == "folder" else ", and so are attributes"),
    )
    lost = [*done.left_out, *["the groups"] * done.has_lost_groups]
    if lost:
        say(f"class folders cannot hold {', '.join(lost)}; --to csv keeps them")
    say(
        "read it in a project of Colibri:",
        f"  cp {shlex.quote(str(done.settings))} {config.CONF}/source/",
        f"  colibri run -S source={done.settings.stem}",
    )


def write_network(model: str | None, out: str) -> None:
    """Writes the network as ONNX and says how it compares."""
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
