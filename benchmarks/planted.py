"""Confounds of known kind planted on real pictures, so that it is known what a check must find."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter

from pipeline.core.measuring import examine

MAX_PIXELS = 100_000_000


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
    "colour cast": _cast,
    "blur": _blur,
    "resolution": _resolution,
    "JPEG quality": _quality,
}
ORDER = "source order"


def measured(pictures: list[np.ndarray]) -> dict[str, pd.DataFrame]:
    """`clean` and each kind to one row of nuisances per picture, the confound there in full."""
    images = [Image.fromarray(one).convert("RGB") for one in pictures]
    return {kind: _table([plant(one) for one in images]) for kind, plant in {"clean": _encoded, **KINDS}.items()}


def _table(files: list[bytes]) -> pd.DataFrame:
    rows = [examine(one, MAX_PIXELS) for one in files]
    table = pd.DataFrame([row.properties for row in rows]).add_prefix("prop_")
    return table.assign(format=[row.encoding["format"] for row in rows])


def samples(
    pool: dict[str, pd.DataFrame], sizes: list[int], kind: str, strength: float, generator: np.random.Generator
) -> pd.DataFrame:
    """Random pictures under random labels, the first class told from the others by a planted confound.

    Args:
        pool: As `measured` gives it.
        sizes: Of each class.
        kind: One of `KINDS`, or `source order`.
        strength: 0 to 1: (1 + strength) / 2 of the first class have it, and (1 - strength) / 2 of the others.
        generator: Of pictures and chances.
    """
    label = np.repeat(np.arange(len(sizes)), sizes)
    clean = pool["clean"]
    drawn = generator.choice(len(clean), len(label), replace=len(label) > len(clean))
    marked = generator.random(len(label)) < np.where(label == 0, 1 + strength, 1 - strength) / 2
    table = clean.iloc[drawn].reset_index(drop=True)
    if kind in pool:
        table.loc[marked] = pool[kind].iloc[drawn].to_numpy()[marked]
    order = np.lexsort((generator.random(len(label)), ~marked if kind == ORDER else np.zeros(len(label))))
    number = np.argsort(order)
    names = [f"IMG_{one:06d}.jpg" for one in number]
    return table.infer_objects().assign(
        sample_id=names, path=names, group=names, labels=[[f"class {chr(97 + one)}"] for one in label], split="train"
    )
