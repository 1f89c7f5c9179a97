"""The table of labels on the same picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.statistics.co_occurrence import count_together

MAX_CLASSES = 12


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Pictures with both the row's and the column's label: their number, and their share of those with the row's."""

    count: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One label; the cell at its own column is None."""

    name: str
    size: int
    cells: list[Shared | None]


@dataclass(frozen=True, kw_only=True)
class CoOccurrence:
    """What the table shows.

    Attributes:
        names: Of rows and columns, largest first.
        left_out: How many labels are not listed.
        num_several: Pictures with more than one label.
        num_labelled: Pictures with any.
    """

    names: list[str]
    rows: list[Row]
    left_out: int
    num_several: int
    num_labelled: int


def co_occurrence(manifest: pd.DataFrame) -> CoOccurrence | None:
    """The table; None where no picture has more than one label."""
    labels = manifest["labels"]
    sizes = labels.map(len)
    if not (sizes > 1).any():
        return None
    classes = sorted(labels.explode().dropna().unique())
    counts = count_together(labels.tolist(), classes)
    shown = np.argsort(-counts.diagonal(), kind="stable")[:MAX_CLASSES].tolist()
    return CoOccurrence(
        names=[str(classes[one]) for one in shown],
        rows=[_row(str(classes[one]), one, shown, counts) for one in shown],
        left_out=len(classes) - len(shown),
        num_several=int((sizes > 1).sum()),
        num_labelled=int((sizes > 0).sum()),
    )


def _row(name: str, own: int, shown: list[int], counts: np.ndarray) -> Row:
    size = int(counts[own, own])
    cells = [
        None if other == own else Shared(count=int(counts[own, other]), share=float(counts[own, other] / size))
        for other in shown
    ]
    return Row(name=name, size=size, cells=cells)
