"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

MAX_CLASSES = 30
DENSE = 8  # with more classes a cell shows its count only, and columns are named upright
NUM_PAIRS = 8


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
    """One class of several per picture: found, missed, and given wrongly."""

    name: str
    found: int
    missed: int
    wrongly: int


def is_single(test: pd.DataFrame) -> bool:
    """Whether every picture has one label and got one."""
    return all(len(labels) == 1 for column in ("labels", "decided") for labels in test[column])


def confusion(test: pd.DataFrame, classes: Sequence[str]) -> Confusion:
    """The matrix of a test where every picture has one label."""
    position = {name: column for column, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    for actual, decided in zip(test["labels"], test["decided"], strict=True):
        counts[position[actual[0]], position[decided[0]]] += 1
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


def tallies(test: pd.DataFrame, classes: Sequence[str]) -> list[Tally]:
    """One row per class of a test where pictures may have several labels or none, most mistakes first."""
    pairs = [(set(labels), set(decided)) for labels, decided in zip(test["labels"], test["decided"], strict=True)]
    found = [
        Tally(
            name=name,
            found=sum(name in labels and name in decided for labels, decided in pairs),
            missed=sum(name in labels and name not in decided for labels, decided in pairs),
            wrongly=sum(name not in labels and name in decided for labels, decided in pairs),
        )
        for name in classes
    ]
    return sorted(found, key=lambda one: (-one.missed - one.wrongly, one.name))
