"""Copies of known kind planted among pictures, so that it is known which pairs must be found."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.core.contracts import Source
from pipeline.images.decoding import Decoding, decode

MAX_PIXELS = 100_000_000
LIMITS = Decoding(max_pixels=MAX_PIXELS)
MARGIN = 0.04  # of a side


def _jpeg(image: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _halved(image: Image.Image) -> bytes:
    return _jpeg(image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.LANCZOS))


def _recompressed(image: Image.Image) -> bytes:
    return _jpeg(image, 40)


def _cropped(image: Image.Image) -> bytes:
    across, down = round(MARGIN * image.width), round(MARGIN * image.height)
    return _jpeg(image.crop((across, down, image.width - across, image.height - down)))


def _mirrored(image: Image.Image) -> bytes:
    return _jpeg(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))


def _brightened(image: Image.Image) -> bytes:
    return _jpeg(image.point(lambda value: min(255, 1.3 * value)))


KINDS = {
    "halved": _halved,
    "recompressed": _recompressed,
    "cropped": _cropped,
    "mirrored": _mirrored,
    "brightened": _brightened,
}


@dataclass(frozen=True, kw_only=True)
class Copies(Source):
    """Copies planted among the pictures of another source: it names the copies and opens both.

    Attributes:
        inner: Whose pictures they are.
        files: Path of each copy to its bytes.
        labels: Path of each copy to the labels of its original.
        origin: Path of each copy to that of its original.
    """

    inner: Source
    files: dict[str, bytes]
    labels: dict[str, list[str]]
    origin: dict[str, str]
    name: str = "copies"
    watch: str = ""

    def read(self) -> pd.DataFrame:
        return pd.DataFrame({"path": list(self.labels), "labels": list(self.labels.values()), "group": None})

    def open(self, path: str) -> bytes | np.ndarray:
        return self.files[path] if path in self.files else self.inner.open(path)


def plant(source: Source, rows: pd.DataFrame, num_copies: int, seed: int) -> Copies:
    """As many copies of each kind, each of another picture.

    Args:
        source: Has the pictures.
        rows: Manifest of them, with `path` and `labels`.
        num_copies: In all, at most as many as there are pictures.
        seed: Of which pictures are copied.
    """
    drawn = np.random.default_rng(seed).choice(len(rows), num_copies, replace=False)
    files, labels, origin = {}, {}, {}
    for number, row in enumerate(drawn):
        kind = list(KINDS)[number % len(KINDS)]
        name, path = f"planted/{kind}_{number:04d}.jpg", str(rows["path"].iloc[row])
        files[name] = KINDS[kind](Image.fromarray(decode(source.open(path), LIMITS)))
        labels[name], origin[name] = list(rows["labels"].iloc[row]), path
    return Copies(inner=source, files=files, labels=labels, origin=origin)


def kind_of(name: str) -> str:
    return name.removeprefix("planted/").partition("_")[0]
