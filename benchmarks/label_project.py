"""A project of handwritten digits as a run leaves it, of any size, for measurements of the labelling page."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.core import artifacts, config
from pipeline.images.decoding import content_hash


def make_project(folder: Path, number: int, num_train: int = 300, num_val: int = 100, seed: int = 0) -> list[str]:
    """Writes pictures, manifest, splits, duplicates and features; returns the true class of each sample.

    Args:
        folder: Of the project; made anew.
        number: Of samples.
        num_train: Samples of train, the first ones; these have a label.
        num_val: Samples of val, which come next and have one too; all others are of the pool.
        seed: Of the noise and of the order.
    """
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(seed)
    digits = load_digits()
    chosen = rng.integers(0, len(digits.images), number)
    truth = [f"digit {value}" for value in digits.target[chosen]]
    rows = []
    for row, (source, label) in enumerate(zip(chosen, truth, strict=True)):
        small = Image.fromarray((digits.images[source] * 15.9).astype(np.uint8))
        pixels = np.asarray(small.resize((64, 64), Image.Resampling.BICUBIC)).astype(float)
        pixels = np.clip(pixels + rng.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8)
        is_known = row < num_train + num_val
        path = f"{label if is_known else 'unlabelled'}/{row:06}.png"
        file = folder / "data/raw" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
        rows.append(
            {
                "sample_id": path,
                "path": path,
                "labels": [label] if is_known else [],
                "media": "image",
                "content_hash": content_hash(pixels),
                "perceptual_hash": f"{int(rng.integers(0, 2**63)):016x}",
                "channels": 1,
                "height": 64,
                "width": 64,
                "depth": 1,
                "prop_brightness": float(pixels.mean() / 255),
                "prop_contrast": float(pixels.std() / 255),
                "split": "train" if row < num_train else "val" if is_known else "pool",
            }
        )
    table = pd.DataFrame(rows).assign(group=lambda found: found["sample_id"])
    overrides = ["source=folder", "embed=hog"]
    shutil.copytree(config.CONF, folder / config.CONF, dirs_exist_ok=True)
    (folder / config.PARAMS).write_text(config.compose(overrides=overrides))
    artifacts.write_table(folder / artifacts.MANIFEST, table.drop(columns="split"))
    artifacts.write_table(folder / artifacts.SPLITS, table[["sample_id", "split", "group"]])
    artifacts.write_table(folder / artifacts.DUPLICATES, pd.DataFrame({"left": [], "right": []}, dtype=str))
    store = folder / artifacts.EMBEDDINGS
    store.mkdir(parents=True)
    features = digits.data[chosen] + rng.normal(0, 1, (number, digits.data.shape[1]))
    np.save(store / "features.npy", features.astype("<f2"))
    artifacts.write_table(store / "index.parquet", table[["sample_id"]])
    artifacts.write_json(store / "card.json", {})
    return truth
