"""Small labelled pictures for whole-pipeline tests: bright discs and dark squares on noise."""

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.checkout import TINY

__all__ = ["TINY", "make_folder", "picture"]
SIDE = 32


def picture(label: str, generator: np.random.Generator) -> Image.Image:
    """A disc or a square of random size and place, grey."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    centre, reach = generator.uniform(10, 22, 2), generator.uniform(5, 9)
    distance = np.abs(np.stack([rows - centre[0], columns - centre[1]]))
    inside = np.hypot(*distance) < reach if label == "disc" else distance.max(axis=0) < reach * 0.8
    pixels = generator.normal(110, 12, (SIDE, SIDE)) + inside * (70 if label == "disc" else 45)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def make_folder(root: Path, num_per_class: int, seed: int = 0) -> Path:
    """One sub-folder per class."""
    generator = np.random.default_rng(seed)
    for label in ("disc", "square"):
        (root / label).mkdir(parents=True)
        for number in range(num_per_class):
            picture(label, generator).save(root / label / f"{number:03d}.png")
    return root
