"""Packed pictures whose class can be seen, as `augment` would have written them."""

import os

import numpy as np
import pandas as pd
import pytest

from pipeline.core.samples import Packed

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
    return Packed(images, index, card)


@pytest.fixture
def broken_folder(picture_folder, encode, noise):
    """Eight good pictures and one item for each reason that a folder can give."""
    (picture_folder / "cat" / "broken.png").write_bytes(encode(noise())[:900])
    (picture_folder / "cat" / "empty.jpg").touch()
    (picture_folder / "cat" / "huge.png").write_bytes(encode(noise(height=100, width=100)))
    (picture_folder / "cat" / "text.jpg").write_text("<html>404</html>")
    (picture_folder / "dog" / "dangling.png").symlink_to("nowhere.png")
    (picture_folder / "dog" / "outside.png").symlink_to("../../secret.png")
    os.mkfifo(picture_folder / "dog" / "pipe.png")
    return picture_folder
