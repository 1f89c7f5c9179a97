"""Calibration of the scores, and the histogram of the scores of two classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.predictions import Predictions

NUM_BINS = 10
NUM_BARS = 20


@dataclass(frozen=True, kw_only=True)
class Bin:
    """The scores in one tenth of their range.

    Attributes:
        low: Start of the tenth.
        high: End of the tenth.
        count: Number of scores in it.
        mean_score: Their mean; None when empty.
        right: Share of them that are right; None when empty.
        num_right: How many are right.
        weight: `count` as a share of that of the fullest tenth.
    """

    low: float
    high: float
    count: int
    mean_score: float | None
    right: float | None
    num_right: int
    weight: float


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """The ten tenths, mean score and share right over all; `per_class` if each class of a picture has its own score."""

    bins: list[Bin]
    mean_score: float
    right: float
    count: int
    per_class: bool

    @property
    def verdict(self) -> str:
        if abs(self.gap) < 0.02:
            return "overall its confidence matches its accuracy"
        return "overall it is overconfident" if self.gap > 0 else "overall it is underconfident"

    @property
    def gap(self) -> float:
        return self.mean_score - self.right


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One twentieth of the score: pictures of each class, as a number and as a share of the plot's height."""

    low: float
    of_class: int
    of_other: int
    up: float
    down: float


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Scores for the class `name`, of its pictures and of those of `other`.

    Attributes:
        zero: Position of the axis between the two, as a share of the plot's height from the top.
    """

    name: str
    other: str
    bars: list[Bar]
    num_class: int
    num_other: int
    most_of_class: int
    most_of_other: int
    zero: float


def reliability(test: Predictions, single: bool) -> Reliability:
    """The reliability diagram: scores against the share of them that are right.

    With one label per picture it uses the highest score of each picture; with several it uses the score of each class.
    """
    scores = test.scores.astype(float)
    if single:
        used, is_right = scores.max(axis=1), test.is_right
    else:
        used, is_right = scores.ravel(), (test.targets > 0).ravel()
    bins = np.clip((used * NUM_BINS).astype(int), 0, NUM_BINS - 1)
    fullest = np.bincount(bins, minlength=NUM_BINS).max()
    return Reliability(
        bins=[_bin(number, used[bins == number], is_right[bins == number], fullest) for number in range(NUM_BINS)],
        mean_score=float(used.mean()),
        right=float(is_right.mean()),
        count=len(used),
        per_class=not single,
    )


def _bin(number: int, scores: np.ndarray, is_right: np.ndarray, fullest: int) -> Bin:
    return Bin(
        low=number / NUM_BINS,
        high=(number + 1) / NUM_BINS,
        count=len(scores),
        mean_score=float(scores.mean()) if len(scores) else None,
        right=float(is_right.mean()) if len(scores) else None,
        num_right=int(is_right.sum()),
        weight=len(scores) / max(1, int(fullest)),
    )


def histogram(test: Predictions) -> Histogram | None:
    """The histogram of the score of the class that is rarer in test; None unless there are exactly two classes."""
    classes = test.classes
    if len(classes) != 2:
        return None
    sizes = test.targets.sum(axis=0)
    column = 0 if sizes[0] <= sizes[1] else 1
    scores = test.scores.astype(float)[:, column]
    bars = np.clip((scores * NUM_BARS).astype(int), 0, NUM_BARS - 1)
    is_class = test.targets[:, column] > 0
    of_class = np.bincount(bars[is_class], minlength=NUM_BARS)
    of_other = np.bincount(bars[~is_class], minlength=NUM_BARS)
    most_of_class, most_of_other = int(of_class.max()), int(of_other.max())
    height = max(1, most_of_class + most_of_other)
    return Histogram(
        name=classes[column],
        other=classes[1 - column],
        bars=[
            Bar(low=number / NUM_BARS, of_class=int(a), of_other=int(b), up=a / height, down=b / height)
            for number, (a, b) in enumerate(zip(of_class, of_other, strict=True))
        ],
        num_class=int(is_class.sum()),
        num_other=int((~is_class).sum()),
        most_of_class=most_of_class,
        most_of_other=most_of_other,
        zero=most_of_class / height,
    )
