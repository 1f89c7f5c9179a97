"""Pictures with two independent attributes: a bright disc may be there, stripes may be there."""

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 32
LABELS = ("disc", "stripes")


def attribute_picture(labels: list[str], generator: np.random.Generator) -> np.ndarray:
    """(SIDE, SIDE) uint8; the stripes change no mean, and the disc's place and size are random."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    pixels = generator.normal(110, 12, (SIDE, SIDE))
    if "stripes" in labels:
        pixels += 25 * np.sign(np.sin(np.pi * (rows + generator.uniform(0, 4)) / 2))
    if "disc" in labels:
        centre, reach = generator.uniform(9, 23, 2), generator.uniform(5, 8)
        pixels += 80 * (np.hypot(rows - centre[0], columns - centre[1]) < reach)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def attribute_labels(num_samples: int, seed: int = 0) -> list[list[str]]:
    """Discs on 30 % of the samples and stripes on half, drawn independently; some have neither."""
    has = np.random.default_rng(seed).random((num_samples, 2)) < (0.3, 0.5)
    return [[name for name, there in zip(LABELS, row, strict=True) if there] for row in has]


def write_pictures(root: Path, labels: list[list[str]], seed: int = 0) -> Path:
    """000.png, 001.png, ... in two folders that say nothing, since a folder source wants classes."""
    generator = np.random.default_rng(seed)
    for number, names in enumerate(labels):
        folder = root / ("even", "odd")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(attribute_picture(names, generator)).save(folder / f"{number:03d}.png")
    return root
