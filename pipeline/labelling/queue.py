"""The samples that wait for a person, a line each in `reports/label_queue.csv`; a label of a model is never in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from pipeline.core.errors import UserError
from pipeline.labelling.csv_lines import append_lines, read_lines

QUEUE = Path("reports/label_queue.csv")
COLUMNS = ("sample_id", "batch", "order", "strategy", "reason")


@final
@dataclass(frozen=True, kw_only=True)
class QueuedSample:
    """One line.

    Attributes:
        batch: As in the line of the decision that answers it.
        order: Of the batch, from 1: the first is looked at first.
        strategy: That chose the sample.
        reason: Why, for a person.
    """

    sample_id: str
    batch: str
    order: int
    strategy: str
    reason: str


def read_queue(path: Path = QUEUE) -> list[QueuedSample]:
    """The lines in the order of the file; none where there is no file.

    Raises:
        UserError: The file cannot be read, or an order is no number.
    """
    found = []
    for row, where in read_lines(path, COLUMNS):
        if not row["order"].isdecimal():
            raise UserError(f"{where}: order must be a whole number, found {row['order'][:20]!r}")
        texts = {name: row[name] for name in COLUMNS if name != "order"}
        found.append(QueuedSample(**texts, order=int(row["order"])))
    return found


def append_queue(samples: Iterable[QueuedSample], path: Path = QUEUE) -> None:
    """Adds lines; all are on the disk when it returns, or none.

    Raises:
        UserError: The file cannot be written.
    """
    append_lines(path, COLUMNS, ([str(getattr(one, name)) for name in COLUMNS] for one in samples))
