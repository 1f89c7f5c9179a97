"""Packed pictures whose class can be seen, as `augment` would have written them."""

import os

import numpy as np
import pandas as pd
import pytest
import yaml
from content_examples import chosen

from pipeline.core import artifacts
from pipeline.datasets.packed import PackedDataset
from pipeline.datasets.sources.folder import Folder
from pipeline.images.decoding import Decoding, content_hash, decode

SIDE = 12


@pytest.fixture
def packed():
    """Ten pictures each of a (dark) and b (bright): 12 in train, 4 in val, 4 in test, two to a group."""
    truth = np.arange(20) % 2
    noise = np.random.default_rng(0).normal(0, 20, (20, SIDE, SIDE, 1))
    images = np.clip(80 + 80 * truth[:, None, None, None] + noise, 0, 255).astype(np.uint8)
    names = [f"s{position:02d}" for position in range(20)]
    index = pd.DataFrame(
        {
            "sample_id": names,
            "origin": names,
            "split": np.repeat(["train", "val", "test"], [12, 4, 4]),
            "labels": [["ab"[one]] for one in truth],
            "group": [f"g{position // 2}" for position in range(20)],
            "content_hash": [f"{position:032x}" for position in range(20)],
            "attr_site": ["x", "x", "y", "y"] * 5,
        }
    )
    card = {"classes": ["a", "b"], "size": SIDE, "fit": "crop", "channels": 1, "max_pixels": 10_000, "num_extra": 0}
    return PackedDataset(images, index, card)


@pytest.fixture
def broken_folder(picture_folder, encode, noise):
    """Eight good pictures and one item for each reason that a folder can give."""
    (picture_folder / "cat" / "broken.png").write_bytes(encode(noise())[:900])
    (picture_folder / "cat" / "empty.jpg").touch()
    (picture_folder / "cat" / "huge.png").write_bytes(encode(noise(height=100, width=100)))
    (picture_folder / "cat" / "text.jpg").write_text("<html>404</html>")
    (picture_folder / "dog" / "dangling.png").symlink_to("nowhere.png")
    (picture_folder / "dog" / "device.png").symlink_to("/dev/zero")
    os.mkfifo(picture_folder / "dog" / "pipe.png")
    return picture_folder


@pytest.fixture
def ingested(project, picture_folder):
    """Eight pictures of cats and dogs as the stages before `embed` would have left them; gives a writer of params."""
    source = Folder(name="pets", path=str(picture_folder), watch="x")
    rows = source.read()
    arrays = [decode(source.open(path), Decoding(max_pixels=10_000)) for path in rows["path"]]
    manifest = rows.assign(sample_id=rows["path"], content_hash=[content_hash(one) for one in arrays], channels=3)
    artifacts.write_table(artifacts.MANIFEST, manifest)
    artifacts.write_table(artifacts.DUPLICATES, pd.DataFrame({"left": [], "right": []}, dtype=str))
    split = ["train", "train", "val", "test"] * 2
    artifacts.write_table(artifacts.SPLITS, manifest[["sample_id"]].assign(split=split, group=manifest["sample_id"]))

    def write(*overrides, **sections):
        params = chosen("source=folder", f"source.path={picture_folder}", "source.name=pets", *overrides)
        params["ingest"]["max_pixels"] = 10_000
        (project / "params.yaml").write_text(yaml.safe_dump({**params, **sections}))

    return write
