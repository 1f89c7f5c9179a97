"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core.predictions import Predictions
from pipeline.report.formatting import DASH, share

MAX_CLASSES = 30
DENSE = 8  # with more classes a cell shows its count only, and columns are named upright
NUM_PAIRS = 8
NO_LABEL = "(none)"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """How many of the row's class were decided so, and which share of it that is."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True, kw_only=True)
class Row:
    """One true class; `others` counts decisions for classes without a column."""

    name: str
    size: int
    cells: list[Cell]
    others: Cell


@dataclass(frozen=True, kw_only=True)
class Mixup:
    """One class taken for another."""

    actual: str
    decided: str
    count: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """The matrix, and what stands out in it.

    Attributes:
        names: Of rows and columns.
        num_classes: Of the data set; more than `names` where only the most confused are shown.
        dense: Whether cells show counts only.
        mixups: The most frequent ones.
    """

    names: list[str]
    rows: list[Row]
    num_classes: int
    dense: bool
    mixups: list[Mixup]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """One class of several per picture: found, missed, and given wrongly; from which score on it is given, as text."""

    name: str
    threshold: str
    found: int
    missed: int
    wrongly: int


def is_single(test: Predictions) -> bool:
    """Whether every picture has one label and got one."""
    return bool((test.targets.sum(axis=1) == 1).all() and (test.decided.sum(axis=1) == 1).all())


def confusion(test: Predictions) -> Confusion:
    """The matrix of a test where every picture has one label."""
    classes = test.classes
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (test.targets.argmax(axis=1), test.decided.argmax(axis=1)), 1)
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    shown = list(range(len(classes)))
    if len(classes) > MAX_CLASSES:
        involved = wrong.sum(axis=0) + wrong.sum(axis=1)
        shown = sorted(np.argsort(-involved, kind="stable")[:MAX_CLASSES].tolist())
    return Confusion(
        names=[classes[column] for column in shown],
        rows=[_row(classes[column], counts[column], column, shown) for column in shown],
        num_classes=len(classes),
        dense=len(shown) > DENSE,
        mixups=_mixups(counts, wrong, classes),
    )


def _row(name: str, counts: np.ndarray, own: int, shown: list[int]) -> Row:
    size = int(counts.sum())

    def cell(count: int, right: bool) -> Cell:
        return Cell(count=count, share=count / size if size else 0.0, right=right)

    return Row(
        name=name,
        size=size,
        cells=[cell(int(counts[column]), column == own) for column in shown],
        others=cell(size - int(counts[shown].sum()), False),
    )


def _mixups(counts: np.ndarray, wrong: np.ndarray, classes: Sequence[str]) -> list[Mixup]:
    worst = np.argsort(-wrong, axis=None, kind="stable")[:NUM_PAIRS]
    places = [tuple(int(one) for one in np.unravel_index(place, wrong.shape)) for place in worst]
    return [
        Mixup(actual=classes[row], decided=classes[column], count=int(wrong[row, column]), size=int(counts[row].sum()))
        for row, column in places
        if wrong[row, column]
    ]


def confusion_table(test: pd.DataFrame) -> pd.DataFrame:
    """What was taken for what: one row of `actual` and `predicted` per label of each picture, for DVC's confusion plot.

    A label that was found stands with itself. One label missed and one given wrongly stand together: the one was taken
    for the other. With more of either nobody can say which was taken for which, so each stands with `(none)`, and so
    does a picture that has no label and got none. With one label per picture this is one row per picture.
    """
    rows = [
        pair
        for labels, decided in zip(test["labels"], test["decided"], strict=True)
        for pair in _label_pairs(labels, decided)
    ]
    return pd.DataFrame(rows, columns=["actual", "predicted"])


def _label_pairs(labels: Sequence[str], decided: Sequence[str]) -> list[tuple[str, str]]:
    missed = [name for name in labels if name not in decided]
    wrongly = [name for name in decided if name not in labels]
    if len(missed) == len(wrongly) == 1:
        apart = [(missed[0], wrongly[0])]
    else:
        apart = [(name, NO_LABEL) for name in missed] + [(NO_LABEL, name) for name in wrongly]
    found = [(name, name) for name in labels if name in decided]
    return found + apart or [(NO_LABEL, NO_LABEL)]


def tallies(test: Predictions, thresholds: Sequence[float] | None = None) -> list[Tally]:
    """One row per class of a test where pictures may have several labels or none, most mistakes first."""
    chosen = [DASH] * len(test.classes) if thresholds is None else [share(one) for one in thresholds]
    actual, decided = test.targets > 0, test.decided
    counts = ((actual & decided).sum(axis=0), (actual & ~decided).sum(axis=0), (~actual & decided).sum(axis=0))
    found = [
        Tally(name=name, threshold=threshold, found=int(hits), missed=int(misses), wrongly=int(others))
        for name, threshold, hits, misses, others in zip(test.classes, chosen, *counts, strict=True)
    ]
    return sorted(found, key=lambda one: (-one.missed - one.wrongly, one.name))
