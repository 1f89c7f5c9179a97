"""Seconds per epoch of training: Colibri beside timm's, torchvision's and Lightning's way, on the same photographs.

    uv pip install "colibri[peers]"
    python -m benchmarks.peers FOLDER                                       # EfficientNet-Lite0 at 128 px
    python -m benchmarks.peers FOLDER --encoder small --size 64 --epochs 4 [--width 4]  # so light that reading matters

FOLDER holds one sub-folder per class. Everybody gets the same pictures, network (random weights), batch, precision
(fp32), optimiser (AdamW) and epochs, a flip as augmentation, and two processes that read where a tool takes any.
Colibri packs the pictures once, which is timed by itself, and reads arrays afterwards; the others decode every epoch:

* timm: `create_dataset`, `create_loader` and `create_optimizer_v2`, stepped as its `train.py` does; once with
  `--channels-last`, which it leaves to the user.
* torchvision: `ImageFolder` and `DataLoader`, stepped as its reference scripts do.
* Lightning: the same data through a `Trainer`.

What counts is the passes over train from the second epoch on, without validation. Each tool has a process of its own;
they take turns, since a machine's speed changes from minute to minute: a ratio is the median over the rounds.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import positive, run_main

CONF = Path(__file__).parents[1] / "conf"
TOOLS = ("colibri", "timm", "timm, channels last", "torchvision", "lightning")
WORKERS = 2
SEED = 0
RATE, DECAY = 1e-4, 0.01
HALF = (0.5, 0.5, 0.5)


def colibri(told: argparse.Namespace) -> dict[str, Any]:
    import yaml

    from pipeline.core import config
    from pipeline.datasets.packed import PackedDataset
    from pipeline.training.recipe import SECTIONS, Recipe

    overrides = [
        f"encoder={told.encoder}", f"image_size={told.size}", f"train.epochs={told.epochs}",
        "augmentation=[mirror]", f"train.batch_size={told.batch}", "train.precision=fp32",
        "train.ema_decay=null", f"train.learning_rate={RATE}",
        f"train.weight_decay={DECAY}", "train.warmup_fraction=0", "train.dropout=0",
        "train.min_steps=0",  # as many epochs as the others
    ]  # fmt: skip
    overrides.append(f"encoder.width={told.width}" if told.encoder == "small" else "encoder.weights=none")
    params = yaml.safe_load(config.compose(CONF, overrides))
    images, index, packing = packed(Path(told.folder), told.size)
    data = PackedDataset(images, index, {"classes": sorted(set(index["labels"].explode()))})
    seconds, num_train = [], int((index["split"] == "train").sum())

    def log(epoch: int, figures: dict[str, float]) -> None:
        seconds.append(num_train // told.batch * told.batch / figures["images_per_second"])

    Recipe({name: params[name] for name in SECTIONS}).fit(data, log)
    return {"seconds": seconds, "packing": packing}


def packed(folder: Path, size: int) -> tuple[np.ndarray, Any, float]:
    """The pictures as `augment` stores them, all in train and eight of them in val too, and the seconds it took."""
    import pandas as pd

    from pipeline.images.decoding import Decoding, decode
    from pipeline.images.storage import SquareFormat

    paths = pictures(folder)
    started = time.perf_counter()
    storage = SquareFormat(size=size, fit="crop", channels=3)
    images = np.stack([storage.convert(decode(path.read_bytes(), Decoding(max_pixels=10**8))) for path in paths])
    packing = time.perf_counter() - started
    rows = [{"sample_id": str(path), "labels": [path.parent.name], "split": "train"} for path in paths]
    some = rows[:: max(1, len(rows) // 8)]
    index = pd.DataFrame(rows + [{**row, "split": "val"} for row in some])
    chosen = images[:: max(1, len(rows) // 8)]
    return np.concatenate([images, chosen]), index, packing


def pictures(folder: Path) -> list[Path]:
    from torchvision.datasets.folder import IMG_EXTENSIONS

    return sorted(path for path in folder.glob("*/*") if path.suffix.lower() in IMG_EXTENSIONS)


def network(told: argparse.Namespace, num_classes: int) -> Any:
    """Encoder and head as Colibri trains them, from the same random weights."""
    import torch
    import yaml

    from pipeline.core import config
    from pipeline.training.trainers.network import Classifier

    node = yaml.safe_load((CONF / "encoder" / f"{told.encoder}.yaml").read_text(encoding="utf-8"))
    torch.manual_seed(SEED)
    changed = {"width": told.width} if told.encoder == "small" else {"weights": "none"}
    return Classifier(config.build({**node, **changed}, "encoder"), num_classes, 0.0)


def stepped(
    told: argparse.Namespace, model: Any, optimiser: Any, loader: Iterable[Any], loss: Any, last: bool
) -> dict[str, Any]:
    """A plain loop over a loader, an epoch at a time."""
    import torch

    seconds = []
    model.train()
    for _ in range(told.epochs):
        started = time.perf_counter()
        for images, targets in loader:
            if last:
                images = images.contiguous(memory_format=torch.channels_last)
            output = loss(model(images), targets)
            optimiser.zero_grad()
            output.backward()
            optimiser.step()
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds}


def timm(told: argparse.Namespace, last: bool = False) -> dict[str, Any]:
    import torch
    from timm.data import create_dataset, create_loader
    from timm.optim import create_optimizer_v2

    dataset = create_dataset("", root=told.folder, is_training=True)
    loader = create_loader(
        dataset, (3, told.size, told.size), told.batch, is_training=True, use_prefetcher=False, no_aug=False,
        train_crop_mode="rkrc", hflip=0.5, color_jitter=None, interpolation="bilinear", mean=HALF, std=HALF,
        num_workers=WORKERS, persistent_workers=True, device=torch.device("cpu"), pin_memory=False,
    )  # fmt: skip
    model = network(told, len(dataset.reader.class_to_idx))
    if last:
        model = model.to(memory_format=torch.channels_last)
    optimiser = create_optimizer_v2(model, opt="adamw", lr=RATE, weight_decay=DECAY)
    return stepped(told, model, optimiser, loader, torch.nn.CrossEntropyLoss(), last)


def folder_loader(told: argparse.Namespace) -> Any:
    import torch
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    steps = [
        v2.Resize(told.size), v2.CenterCrop(told.size), v2.RandomHorizontalFlip(), v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True), v2.Normalize(HALF, HALF),
    ]  # fmt: skip
    return torch.utils.data.DataLoader(
        ImageFolder(told.folder, v2.Compose(steps)), told.batch, shuffle=True, drop_last=True, num_workers=WORKERS,
        persistent_workers=True,
    )  # fmt: skip


def torchvision(told: argparse.Namespace) -> dict[str, Any]:
    import torch

    loader = folder_loader(told)
    model = network(told, len(loader.dataset.classes))
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    return stepped(told, model, optimiser, loader, torch.nn.CrossEntropyLoss(), last=False)


def lightning(told: argparse.Namespace) -> dict[str, Any]:
    import torch
    from lightning import pytorch as light

    loader, seconds = folder_loader(told), []

    class Module(light.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = network(told, len(loader.dataset.classes))

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            return torch.nn.functional.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=RATE, weight_decay=DECAY)

        def on_train_epoch_start(self) -> None:
            seconds.append(-time.perf_counter())

        def on_train_epoch_end(self) -> None:
            seconds[-1] += time.perf_counter()

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    light.Trainer(
        max_epochs=told.epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(Module(), loader)  # fmt: skip
    return {"seconds": seconds}


def one(told: argparse.Namespace) -> dict[str, Any]:
    """What one tool takes, in this process."""
    import torch

    torch.set_num_threads(WORKERS)
    warnings.simplefilter("ignore")
    name, _, last = told.tool.partition(", ")
    return timm(told, last=bool(last)) if name == "timm" else globals()[name](told)  # type: ignore[no-any-return]


def measured(tool: str, arguments: list[str]) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", *arguments, "--tool", tool],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        sys.exit(f"{tool} failed: {ended.stderr.strip().splitlines()[-1]}")
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--encoder", default="efficientnet_lite0", help="a file of conf/encoder")
    parser.add_argument(
        "--width", type=positive, default=16, help="of the encoder small: channels of its first convolution"
    )
    parser.add_argument("--size", type=positive, default=128)
    parser.add_argument("--batch", type=positive, default=32)
    parser.add_argument("--epochs", type=positive, default=2, help="at least 2: the first does not count")
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--only", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--tool", choices=TOOLS, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.tool:
        print(json.dumps(one(told)))
        return
    print(f"{platform.machine()}, {len(pictures(Path(told.folder))):,} pictures, {told.encoder} at {told.size} px")
    rounds = []
    for number in range(1, told.rounds + 1):
        rounds.append({tool: measured(tool, sys.argv[1:]) for tool in told.only})
        epochs = {tool: float(np.mean(found["seconds"][1:])) for tool, found in rounds[-1].items()}
        print(f"round {number}: " + ", ".join(f"{tool} {one:.2f} s" for tool, one in epochs.items()), flush=True)
    for tool in told.only[1:]:
        ratios = [np.mean(found[tool]["seconds"][1:]) / np.mean(found["colibri"]["seconds"][1:]) for found in rounds]
        print(f"{tool} takes {median(ratios):.2f} times as long as Colibri ({min(ratios):.2f} to {max(ratios):.2f})")
    if "colibri" in told.only:
        print(f"Colibri's packing, once: {median(found['colibri']['packing'] for found in rounds):.2f} s on one core")


if __name__ == "__main__":
    run_main(main)
