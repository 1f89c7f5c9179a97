"""The confusion matrix, and counts for several labels per picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core.predictions import Predictions
from pipeline.report.formatting import DASH, share

MAX_CLASSES = 30
DENSE = 8  # with more classes a cell shows its count only, and the names of columns are upright
NUM_PAIRS = 8
NO_LABEL = "(none)"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Pictures of the row's class with the column's decision: their number, and their share of the row."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True, kw_only=True)
class Row:
    """One true class; `others` counts the decisions for classes without a column."""

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
    """The confusion matrix, and its most frequent mistakes.

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
    """One class where a picture may have several: labels found, missed and wrongly given, and its threshold as text."""

    name: str
    threshold: str
    found: int
    missed: int
    wrongly: int


def is_single(test: Predictions) -> bool:
    """Whether every picture has one label and got one."""
    return bool((test.targets.sum(axis=1) == 1).all() and (test.decided.sum(axis=1) == 1).all())


def confusion(test: Predictions) -> Confusion:
    """The confusion matrix of a test set where every picture has one label."""
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
    positions = [tuple(int(one) for one in np.unravel_index(index, wrong.shape)) for index in worst]
    return [
        Mixup(actual=classes[row], decided=classes[column], count=int(wrong[row, column]), size=int(counts[row].sum()))
        for row, column in positions
        if wrong[row, column]
    ]


def confusion_table(test: pd.DataFrame) -> pd.DataFrame:
    """A row of `actual` and `predicted` per label of each picture, for DVC's confusion plot.

    A label that was found is paired with itself. If exactly one label was missed and one wrongly given, they are a
    pair. With more of either the pairs are unknown, so each is paired with `(none)`; so is a picture that has no label
    and got none. With one label per picture this is one row per picture.
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
        mistakes = [(missed[0], wrongly[0])]
    else:
        mistakes = [(name, NO_LABEL) for name in missed] + [(NO_LABEL, name) for name in wrongly]
    found = [(name, name) for name in labels if name in decided]
    return found + mistakes or [(NO_LABEL, NO_LABEL)]


def tallies(test: Predictions, thresholds: Sequence[float] | None = None) -> list[Tally]:
    """A row per class of a test set where pictures may have several labels or none, most mistakes first."""
    texts = [DASH] * len(test.classes) if thresholds is None else [share(one) for one in thresholds]
    actual, decided = test.targets > 0, test.decided
    counts = ((actual & decided).sum(axis=0), (actual & ~decided).sum(axis=0), (~actual & decided).sum(axis=0))
    rows = [
        Tally(name=name, threshold=threshold, found=int(hits), missed=int(misses), wrongly=int(others))
        for name, threshold, hits, misses, others in zip(test.classes, texts, *counts, strict=True)
    ]
    return sorted(rows, key=lambda one: (-one.missed - one.wrongly, one.name))
