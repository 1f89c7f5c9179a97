"""Confounds of known kind planted on real pictures, so that it is known what a check must find."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter

from pipeline.core.sample_codec import SampleMeasurements
from pipeline.images.decoding import Decoding
from pipeline.images.properties import decode_and_measure

MAX_PIXELS = 100_000_000
LIMITS = Decoding(max_pixels=MAX_PIXELS)


def _encoded(image: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _brightness(image: Image.Image) -> bytes:
    return _encoded(image.point(lambda value: 0.6 * value))


def _border(image: Image.Image) -> bytes:
    pixels, margin = np.array(image), max(1, round(0.05 * min(image.size)))
    framed = np.full_like(pixels, 128)
    framed[margin:-margin, margin:-margin] = pixels[margin:-margin, margin:-margin]
    return _encoded(Image.fromarray(framed))


def _corner(image: Image.Image) -> bytes:
    pixels, side = np.array(image), max(1, round(0.1 * min(image.size)))
    pixels[:side, :side] = 255
    return _encoded(Image.fromarray(pixels))


def _coloured_corner(image: Image.Image) -> bytes:
    """The light stays: 0.299 x 60 red more is 0.587 x 30.6 green less."""
    pixels, side = np.array(image).astype(np.int16), max(1, round(0.1 * min(image.size)))
    pixels[:side, :side] += np.array([60, -31, 0], dtype=np.int16)
    return _encoded(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)))


def _cast(image: Image.Image) -> bytes:
    factors = np.array([1.0, 0.85, 0.7])
    return _encoded(Image.fromarray((np.array(image) * factors).astype(np.uint8)))


def _blur(image: Image.Image) -> bytes:
    return _encoded(image.filter(ImageFilter.GaussianBlur(0.02 * min(image.size))))


def _resolution(image: Image.Image) -> bytes:
    return _encoded(image.resize((max(1, image.width // 2), max(1, image.height // 2))))


def _quality(image: Image.Image) -> bytes:
    return _encoded(image, 50)


KINDS = {
    "brightness": _brightness,
    "border": _border,
    "corner mark": _corner,
    "coloured corner": _coloured_corner,
    "colour cast": _cast,
    "blur": _blur,
    "resolution": _resolution,
    "JPEG quality": _quality,
}
ORDER = "source order"


def encoded(picture: np.ndarray) -> dict[str, bytes]:
    """`clean` and each kind to the picture as a file, the confound there in full."""
    image = Image.fromarray(picture).convert("RGB")
    return {kind: plant(image) for kind, plant in {"clean": _encoded, **KINDS}.items()}


def measured(pictures: Iterable[np.ndarray], mapped: Callable[..., Iterable[Any]] = map) -> dict[str, pd.DataFrame]:
    """`clean` and each kind to one row of nuisances per picture.

    Args:
        pictures: (H, W) or (H, W, 3) uint8.
        mapped: `map`, or that of several processes.
    """
    rows = list(mapped(examined, pictures))
    return {kind: _table([row[kind] for row in rows]) for kind in ("clean", *KINDS)}


def examined(picture: np.ndarray) -> dict[str, SampleMeasurements]:
    return {kind: decode_and_measure(data, LIMITS) for kind, data in encoded(picture).items()}


def _table(rows: list[SampleMeasurements]) -> pd.DataFrame:
    table = pd.DataFrame([row.properties for row in rows]).add_prefix("prop_")
    return table.assign(format=[row.encoding["format"] for row in rows])


@dataclass(frozen=True)
class Draw:
    """One run: which picture stands under which label, and which of them carry the confound.

    Attributes:
        label: (N,) of each sample, 0 to the number of classes - 1.
        picture: (N,) row of the pool.
        marked: (N,) bool.
        number: (N,) by which its file is named.
    """

    label: np.ndarray
    picture: np.ndarray
    marked: np.ndarray
    number: np.ndarray


def draw(num_pictures: int, sizes: list[int], kind: str, strength: float, generator: np.random.Generator) -> Draw:
    """Random pictures under random labels, the first class told from the others by a planted confound.

    Args:
        num_pictures: In the pool; where fewer than are needed, they are drawn with replacement.
        sizes: Of each class.
        kind: One of `KINDS`, `source order`, or `clean`.
        strength: 0 to 1: (1 + strength) / 2 of the first class have it, and (1 - strength) / 2 of the others.
        generator: Of pictures and chances.
    """
    label = np.repeat(np.arange(len(sizes)), sizes)
    picture = generator.choice(num_pictures, len(label), replace=len(label) > num_pictures)
    marked = generator.random(len(label)) < np.where(label == 0, 1 + strength, 1 - strength) / 2
    order = np.lexsort((generator.random(len(label)), ~marked if kind == ORDER else np.zeros(len(label))))
    return Draw(label, picture, marked & (kind in KINDS), np.argsort(order))


def samples(
    pool: dict[str, pd.DataFrame], sizes: list[int], kind: str, strength: float, generator: np.random.Generator
) -> pd.DataFrame:
    """What `draw` draws from `measured` pictures, as rows that a check takes."""
    run = draw(len(pool["clean"]), sizes, kind, strength, generator)
    both = pd.concat([pool["clean"], pool.get(kind, pool["clean"])], ignore_index=True)
    table = both.iloc[run.picture + len(pool["clean"]) * run.marked].reset_index(drop=True)
    names = [f"IMG_{one:06d}.jpg" for one in run.number]
    return table.assign(
        sample_id=names, path=names, group=names, labels=[[class_name(one)] for one in run.label], split="train"
    )


def class_name(number: int) -> str:
    return f"class {chr(97 + number)}"
