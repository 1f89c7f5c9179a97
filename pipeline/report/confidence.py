"""The histogram of the scores of two classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core.predictions import Predictions

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

NUM_BARS = 20


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
        limit: The score from which `name` is decided.
    """

    name: str
    other: str
    bars: list[Bar]
    num_class: int
    num_other: int
    most_of_class: int
    most_of_other: int
    zero: float
    limit: float


def histogram(test: Predictions, rule: JsonObject) -> Histogram | None:
    """The histogram of the score of the class that is rarer in test; None unless there are exactly two classes.

    Args:
        test: With calibrated scores, one label each.
        rule: Of the policy, as in its file.
    """
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
        limit=limit_of(rule, column),
    )


def limit_of(rule: JsonObject, column: int) -> float:
    """The score from which the class of this column, of two, is decided, 0 to 1.

    Source: Elkan 2001, The foundations of cost-sensitive learning, IJCAI, for costs.
    """
    other = 1 - column
    if rule["costs"] is not None:
        costs = np.array(rule["costs"])
        alarm, miss = costs[other, column] - costs[other, other], costs[column, other] - costs[column, column]
        return float(np.clip(alarm / (alarm + miss), 0, 1)) if alarm + miss > 0 else 0.5
    own, others = (rule["thresholds"] or (None, None))[column], (rule["thresholds"] or (None, None))[other]
    if own is not None:
        return float(own)
    return 0.5 if others is None else 1 - float(others)
