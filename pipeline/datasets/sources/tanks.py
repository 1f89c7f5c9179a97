"""The tanks under clouds: synthetic woods, half of them with a tank, and a weather associated with the label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import numpy as np
import pandas as pd
from annotated_types import Interval
from PIL import Image, ImageDraw, ImageFilter

from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected
from pipeline.core.manifest_schema import ATTRIBUTE, SPLITS
from pipeline.core.ranges import PositiveInt, Seed

SIDE = 64
LABELS = ("tank", "woods")
WEATHERS = ("cloudy", "sunny")  # in the order of LABELS: the weather associated with each
LIGHT = {"cloudy": (0.62, 0.62, 0.66), "sunny": (1.22, 1.18, 1.08)}  # red, green, blue
SHADOW = {"cloudy": 0.9, "sunny": 0.65}  # how much of the light a shadow lets through


@final
@dataclass(frozen=True, kw_only=True)
class Tanks(Source):
    """Synthetic pictures from a seed; the light is associated with the label as strongly as `association` says.

    In each split and class, `association` of the scenes have the weather of their label (tanks cloudy, woods sunny),
    the others the opposite one. A scene (position, scale, orientation and shade of its objects) does not depend on the
    weather, so the same scenes exist with all weathers swapped.

    Args:
        name: Of the data set, in MLflow and on the page.
        num_train: Pictures of each class in train, at least 1.
        num_val: Pictures of each class in val, at least 1.
        num_test: Pictures of each class in test, at least 1.
        association: Share of each class under the weather of its label, 0.5 (independent) to 1.
        swapped: Whether every picture has the opposite weather; the scenes stay the same.
        seed: Of the scenes.
        watch: What DVC hashes to notice a change: the lock file that pins the packages that render the pictures.

    Source: the story and the search for its origin: G. Branwen, The Neural Net Tank Urban Legend,
        https://gwern.net/tank.
    """

    name: str
    num_train: PositiveInt
    num_val: PositiveInt
    num_test: PositiveInt
    association: Annotated[float, Interval(ge=0.5, le=1)]
    swapped: bool
    seed: Seed
    watch: str | list[str]

    def read(self) -> pd.DataFrame:
        rows = [
            {
                "path": f"{split}/{label}/{number:04d}",
                "labels": [label],
                "group": None,
                "given_split": split,
                f"{ATTRIBUTE}weather": self._weather(split, label, number),
            }
            for split in SPLITS
            for label in LABELS
            for number in range(self._size(split))
        ]
        return pd.DataFrame(rows)

    def open(self, path: str) -> np.ndarray:
        try:
            split, label, text = path.split("/")
            number = int(text)
            place = (SPLITS.index(split), LABELS.index(label), number)
        except ValueError:
            raise ItemRejected("missing", "no such scene; a path is split/label/number") from None
        if not 0 <= number < self._size(split):
            raise ItemRejected("missing", f"{split} has {self._size(split)} scenes of each class")
        return draw(label == "tank", self._weather(split, label, number), np.random.default_rng((self.seed, *place)))

    def _size(self, split: str) -> int:
        return {"train": self.num_train, "val": self.num_val, "test": self.num_test}[split]

    def _weather(self, split: str, label: str, number: int) -> str:
        fits = number < round(self.association * self._size(split))
        return WEATHERS[LABELS.index(label) ^ (not fits) ^ self.swapped]


def draw(tank: bool, weather: str, generator: np.random.Generator) -> np.ndarray:
    """(SIDE, SIDE, 3) uint8; all random numbers are sampled before the weather is applied."""
    scene = _ground(generator)
    shadow = Image.new("L", scene.size)
    horizon = int(generator.integers(18, 26))
    for _ in range(generator.integers(5, 9)):
        _tree(scene, shadow, generator, horizon)
    for _ in range(generator.integers(1, 4)):
        _bush(scene, generator)
    body = _tank(generator) if tank else _boulder(generator)
    centre = generator.integers((18, 36), (SIDE - 18, SIDE - 14))
    corner = (int(centre[0]) - body.width // 2, int(centre[1]) - body.height // 2)
    shadow.paste(255, (corner[0] + 5, corner[1] + 4), body.getchannel("A"))
    scene.paste(body, corner, body)
    grain = generator.uniform(3, 9) * generator.normal(0, 1, (SIDE, SIDE, 1)) + generator.normal(0, 3, (SIDE, SIDE, 3))
    exposure = generator.uniform(0.9, 1.1)
    covered = np.asarray(shadow.filter(ImageFilter.GaussianBlur(1)), dtype=np.float64)[..., None] / 255
    light = np.array(LIGHT[weather]) * (1 - covered * (1 - SHADOW[weather]))
    pixels = (np.asarray(scene, dtype=np.float64) + grain) * light * exposure
    return np.clip(pixels, 0, 255).round().astype(np.uint8)


def _shade(generator: np.random.Generator, colour: tuple[int, int, int], spread: float = 0.2) -> tuple[int, ...]:
    return tuple(int(min(255, one * factor)) for one, factor in zip(colour, _factors(generator, spread), strict=True))


def _factors(generator: np.random.Generator, spread: float) -> np.ndarray:
    return generator.uniform(1 - spread, 1 + spread) * generator.uniform(0.85, 1.15, 3)


def _ground(generator: np.random.Generator) -> Image.Image:
    """Grass and earth in patches."""
    patches = generator.uniform(0.75, 1.25, (8, 8, 1)) * np.array(_shade(generator, (112, 108, 70)))
    return Image.fromarray(patches.clip(0, 255).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _tree(scene: Image.Image, shadow: Image.Image, generator: np.random.Generator, horizon: int) -> None:
    left, foot = int(generator.integers(-4, SIDE)), horizon + int(generator.integers(-3, 12))
    width, height = int(generator.integers(8, 15)), int(generator.integers(14, 28))
    crown = [(left, foot), (left + width // 2, foot - height), (left + width, foot)]
    ImageDraw.Draw(scene).rectangle((left + width // 2 - 1, foot, left + width // 2 + 1, foot + 4), fill=(70, 52, 38))
    ImageDraw.Draw(scene).polygon(crown, fill=_shade(generator, (58, 92, 50), 0.3))
    fallen = [(left, foot + 3), (left + width, foot + 3), (left + width + height // 2, foot + 3 + height // 3)]
    ImageDraw.Draw(shadow).polygon(fallen, fill=255)


def _bush(scene: Image.Image, generator: np.random.Generator) -> None:
    left, top = (int(one) for one in generator.integers((0, 30), (SIDE - 8, SIDE - 6)))
    width, height = (int(one) for one in generator.integers((6, 5), (13, 10)))
    ImageDraw.Draw(scene).ellipse((left, top, left + width, top + height), fill=_shade(generator, (64, 96, 52), 0.3))


def _tank(generator: np.random.Generator) -> Image.Image:
    """Hull, tracks, turret and barrel, turned by up to 12 degrees and facing either way."""
    body = Image.new("RGBA", (120, 80))
    pen, paint = ImageDraw.Draw(body), _shade(generator, (92, 98, 66), 0.25)
    pen.rounded_rectangle((20, 52, 96, 68), 8, fill=_shade(generator, (52, 50, 46)))
    pen.polygon([(16, 52), (26, 40), (92, 40), (100, 52)], fill=paint)
    pen.rounded_rectangle((40, 26, 74, 41), 5, fill=paint)
    pen.rectangle((72, 30, 112, 34), fill=paint)
    return _turn_and_scale(body, generator, generator.uniform(0.34, 0.48))


def _boulder(generator: np.random.Generator) -> Image.Image:
    """A boulder as large and as dark as a tank, so that the presence of an object does not give the label."""
    body = Image.new("RGBA", (120, 80))
    pen = ImageDraw.Draw(body)
    for _ in range(2):
        left, top = generator.integers((14, 26), (40, 40))
        outline = (int(left), int(top), int(left) + int(generator.integers(44, 62)), 68)
        pen.ellipse(outline, fill=_shade(generator, (84, 86, 66), 0.25))
    return _turn_and_scale(body, generator, generator.uniform(0.34, 0.48))


def _turn_and_scale(body: Image.Image, generator: np.random.Generator, scale: float) -> Image.Image:
    turned = body.rotate(generator.uniform(-12, 12), resample=Image.Resampling.BICUBIC)
    if generator.random() < 0.5:
        turned = turned.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return turned.resize((round(body.width * scale), round(body.height * scale)), Image.Resampling.BOX)
