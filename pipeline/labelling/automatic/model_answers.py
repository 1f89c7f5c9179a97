"""What a model said of samples before a person labelled them, a line each in `data/label_decisions/NAME.model.csv`.

It is compared with what people say later: on the samples kept back from automatic labels, and on those shown with and
without the prediction. It is no label, and no stage trains on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.labels import labels_to_text, parse_labels
from pipeline.labelling.automatic.csv_lines import append_lines, read_lines

COLUMNS = ("sample_id", "model", "labels", "confidence", "batch")


@final
@dataclass(frozen=True, kw_only=True)
class ModelAnswer:
    """One line.

    Attributes:
        model: As `NAME@VERSION`.
        labels: That it decides, sorted.
        confidence: 0 to 1.
        batch: Of the queue, as in the line of the decision; empty where the sample was in none.
    """

    sample_id: str
    model: str
    labels: list[str] = field(default_factory=list)
    confidence: float
    batch: str = ""


def answers_file(source: str) -> Path:
    """The file of a data set; it need not exist.

    Raises:
        UserError: The name of the data set cannot be that of a file.
    """
    return artifacts.decisions_file(source).with_suffix(".model.csv")


def read_answers(path: Path) -> list[ModelAnswer]:
    """The lines in the order of the file; none where there is no file.

    Raises:
        UserError: A line cannot be read; the message names it.
    """
    return [_answer(row, where) for row, where in read_lines(path, COLUMNS)]


def append_answers(path: Path, answers: Iterable[ModelAnswer]) -> None:
    """Adds lines; all are on the disk when it returns, or none.

    Raises:
        UserError: The file cannot be written.
    """
    rows = (
        [one.sample_id, one.model, labels_to_text(one.labels), f"{one.confidence:.6f}", one.batch] for one in answers
    )
    append_lines(path, COLUMNS, rows)


def _answer(row: dict[str, str], where: str) -> ModelAnswer:
    try:
        labels, confidence = sorted(set(parse_labels(row["labels"]))), float(row["confidence"])
    except ValueError as error:
        raise UserError(f"{where}: {error}; mend or remove the line") from None
    if not math.isfinite(confidence):
        raise UserError(f"{where}: confidence must be from 0 to 1, found {row['confidence'][:20]!r}")
    return ModelAnswer(
        sample_id=row["sample_id"], model=row["model"], labels=labels, confidence=confidence, batch=row["batch"]
    )
