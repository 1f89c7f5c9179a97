"""Packed pictures and a small search, as `augment` and a person would have written them."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from picture_folder import picture

from pipeline.core import artifacts, config

SIZES = {"train": 48, "val": 24, "test": 24}
SPACE = {"train.learning_rate": "tag(log, interval(0.0001, 0.05))", "train.dropout": "interval(0.0, 0.5)"}
SEARCH = {
    "experiment": "tiny",
    "trials": 4,
    "random_trials": 2,
    "figure": "val_loss",
    "direction": "minimize",
    "expect": "accuracy",
    "pruning": {"n_startup_trials": 2, "n_warmup_steps": 2},
    "seed": 0,
    "space": SPACE,
}


def write_search(**changes) -> None:
    Path("conf/tune/quick.yaml").write_text(yaml.safe_dump({**SEARCH, **changes}, sort_keys=False))


def pack(poisoned: bool = False) -> None:
    """Discs and squares; poisoned: the test part holds noise under wrong labels."""
    generator = np.random.default_rng(0)
    split = np.repeat([*SIZES], [*SIZES.values()])
    labels = np.array(["disc", "square"])[np.arange(len(split)) % 2]
    images = np.stack([np.asarray(picture(label, generator).resize((28, 28)))[..., None] for label in labels])
    if poisoned:
        test = split == "test"
        images[test] = np.random.default_rng(9).integers(0, 256, images[test].shape)
        labels = np.where(test, "square", labels)
    names = [f"s{position:03d}" for position in range(len(split))]
    index = {"sample_id": names, "origin": names, "split": split, "labels": [[one] for one in labels], "group": names}
    artifacts.PACKED.mkdir(parents=True, exist_ok=True)
    np.save(artifacts.PACKED / "images.npy", images)
    artifacts.write_table(artifacts.PACKED / "index.parquet", pd.DataFrame(index))
    card = {"classes": ["disc", "square"], "size": 28, "fit": "crop", "channels": 1, "max_pixels": 10_000}
    artifacts.write_json(artifacts.PACKED / "card.json", card)


def lock(**changes) -> None:
    """`dvc.lock` as DVC leaves it where the arrays were packed with what the experiment tiny says."""
    params = yaml.safe_load(config.compose(overrides=["experiment=tiny"]))
    augment = {"params": {"params.yaml": {"source": params["source"], "augment": {**params["augment"], **changes}}}}
    others = {name: {"params": {"params.yaml": {}}} for name in ("ingest", "find_duplicates", "split")}
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": {**others, "augment": augment}}))
