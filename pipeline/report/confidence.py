"""Whether a score can be taken at its word, and how the scores of two classes part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.predictions import Predictions

NUM_BINS = 10
NUM_BARS = 20


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Pictures whose score lies in one tenth.

    Attributes:
        low: Where the tenth begins.
        high: Where it ends.
        count: Pictures in it.
        claimed: Their mean score; None when empty.
        right: Share of them that is right; None when empty.
        num_right: How many are right.
        weight: `count` over the fullest tenth's.
    """

    low: float
    high: float
    count: int
    claimed: float | None
    right: float | None
    num_right: int
    weight: float


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """The ten tenths; `claimed` and `right` over all of them. `per_class` when every class has a score of its own."""

    bins: list[Bin]
    claimed: float
    right: float
    count: int
    per_class: bool

    @property
    def verdict(self) -> str:
        if abs(self.gap) < 0.02:
            return "on the whole it is as sure as it is right"
        return (
            "on the whole it is surer than it is right" if self.gap > 0 else "on the whole it is less sure than right"
        )

    @property
    def gap(self) -> float:
        return self.claimed - self.right


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One twentieth of the score: how many pictures of each class, and the same as a share of the plot's height."""

    low: float
    of_class: int
    of_other: int
    up: float
    down: float


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Scores for `name`, of pictures that are of the class and of those that are `other`.

    Attributes:
        zero: Where the two meet, as a share of the plot's height from the top.
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
    """Scores against how often they come true.

    With one label per picture the highest score stands for the decision; with several, each class's score stands for
    itself.
    """
    scores = test.scores.astype(float)
    if single:
        claimed, came_true = scores.max(axis=1), test.is_right
    else:
        claimed, came_true = scores.ravel(), (test.targets > 0).ravel()
    place = np.clip((claimed * NUM_BINS).astype(int), 0, NUM_BINS - 1)
    fullest = np.bincount(place, minlength=NUM_BINS).max()
    return Reliability(
        bins=[
            _bin(number, claimed[place == number], came_true[place == number], fullest) for number in range(NUM_BINS)
        ],
        claimed=float(claimed.mean()),
        right=float(came_true.mean()),
        count=len(claimed),
        per_class=not single,
    )


def _bin(number: int, claimed: np.ndarray, came_true: np.ndarray, fullest: int) -> Bin:
    return Bin(
        low=number / NUM_BINS,
        high=(number + 1) / NUM_BINS,
        count=len(claimed),
        claimed=float(claimed.mean()) if len(claimed) else None,
        right=float(came_true.mean()) if len(claimed) else None,
        num_right=int(came_true.sum()),
        weight=len(claimed) / max(1, int(fullest)),
    )


def histogram(test: Predictions) -> Histogram | None:
    """The score of the class that is rarer in test; None unless there are exactly two classes."""
    classes = test.classes
    if len(classes) != 2:
        return None
    sizes = test.targets.sum(axis=0)
    column = 0 if sizes[0] <= sizes[1] else 1
    scores = test.scores.astype(float)[:, column]
    place = np.clip((scores * NUM_BARS).astype(int), 0, NUM_BARS - 1)
    is_class = test.targets[:, column] > 0
    of_class = np.bincount(place[is_class], minlength=NUM_BARS)
    of_other = np.bincount(place[~is_class], minlength=NUM_BARS)
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
