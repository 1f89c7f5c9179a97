"""Decisions about labels, a line each in `data/label_decisions/NAME.csv`: reading them, and adding lines."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pipeline.core import artifacts
from pipeline.core.delimited_text import decode_text, join_rows, split_rows
from pipeline.core.errors import UserError
from pipeline.core.labels import labels_to_text, parse_labels
from pipeline.core.open_types import JsonObject
from pipeline.core.output_lock import LOCKS

COLUMNS = ("sample_id", "action", "previous", "labels", "who", "when", "why")
EXTRA = ("attributes", "seconds", "seen_prediction", "batch")  # columns that a file may lack
ACTIONS = ("keep", "relabel", "drop", "label", "autolabel", "undo")
FORMER = Path("data/label_decisions.csv")  # one file for all data sets, until November 2026
RANDOM = "random"  # begins a batch whose samples were chosen at random, so that they may measure a model
TRUTH = {"true": True, "false": False, "": None}


@dataclass(frozen=True, kw_only=True)
class LabelDecision:
    """One line of the file.

    Attributes:
        where: File and line, for messages.
        action: `keep` says that the labels are right, `relabel` replaces them, `drop` takes the sample out, `label` is
            of a sample without one, `autolabel` the same by a model, `undo` takes back what the same person decided.
        previous: The labels that the source gave when the decision was made, sorted.
        labels: Of `relabel`, `label` and `autolabel`, sorted; of `label` none says that none of the classes applies.
        who: The person, or the model as `NAME@VERSION`.
        attributes: Answers to the questions of the classes.
        seconds: How long the person looked; None where nobody measured it.
        seen_prediction: Whether the person saw what a model predicts; None where it is not known.
        batch: The strategy that queried the sample, `/` and when; empty where nothing did.
    """

    sample_id: str
    action: str
    previous: list[str]
    who: str
    when: str
    why: str
    labels: list[str] = field(default_factory=list)
    attributes: JsonObject = field(default_factory=dict)
    seconds: float | None = None
    seen_prediction: bool | None = None
    batch: str = ""
    where: str = field(default="", compare=False)

    @property
    def is_of_model(self) -> bool:
        return self.action == "autolabel"

    @property
    def is_selected(self) -> bool:
        """Whether the line is of a sample that a query chose or a model labelled, so that it is no random sample."""
        return self.is_of_model or (self.action == "label" and bool(self.batch) and not is_random(self.batch))

    def to_cells(self) -> dict[str, str]:
        """Column to cell."""
        return {
            "sample_id": self.sample_id,
            "action": self.action,
            "previous": labels_to_text(self.previous),
            "labels": labels_to_text(self.labels),
            "who": self.who,
            "when": self.when,
            "why": self.why,
            "attributes": json.dumps(self.attributes, ensure_ascii=False, sort_keys=True) if self.attributes else "",
            "seconds": "" if self.seconds is None else f"{self.seconds:.1f}",
            "seen_prediction": "" if self.seen_prediction is None else str(self.seen_prediction).lower(),
            "batch": self.batch,
        }


def is_random(batch: str) -> bool:
    """Whether the samples of a batch were chosen at random."""
    return batch.partition("/")[0] == RANDOM


def load_decisions(source: str) -> list[LabelDecision]:
    """The decisions on a data set.

    Args:
        source: The name of the data set.

    Raises:
        UserError: A line cannot be applied, or the former file of all data sets still holds decisions.
    """
    file = artifacts.decisions_file(source)
    if read_decisions(FORMER):
        raise UserError(
            f"{FORMER} holds decisions, and each data set has a file of its own now: move the lines into "
            f"{artifacts.DECISIONS}/NAME.csv, for this data set git mv {FORMER} {file}"
        )
    return read_decisions(file)


def read_decisions(path: Path) -> list[LabelDecision]:
    """The decisions of a file in its order; none where there is no file.

    Raises:
        UserError: A line cannot be applied; the message names the file and the line.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    return parse_decisions(path, data)


def parse_decisions(path: Path, data: bytes, num_before: int = 0) -> list[LabelDecision]:
    """The decisions of the bytes of a file.

    Args:
        path: For messages.
        data: With the line of columns.
        num_before: Lines of the file that were left out after the first.

    Raises:
        UserError: As `read_decisions`.
    """
    columns, rows, lines = split_rows(path, decode_text(data, path))
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise UserError(
            f"{path}: line 1 names no column {missing[0]!r}; it must name {','.join(COLUMNS)}, with commas between them"
        )
    return [_decision(row, f"{path}: line {line + num_before}") for row, line in zip(rows, lines, strict=True)]


def append_decisions(path: Path, decisions: Sequence[LabelDecision]) -> None:
    """Adds lines to a file of decisions, which is made where there is none; what it holds stays as it is.

    One process at a time does it, and the lines are on the disk when it returns. A process that is ended meanwhile
    leaves the file as it was, or with the lines.

    Raises:
        UserError: The file cannot be read or written, or a line could not be read again; then no line is added.
    """
    from filelock import FileLock

    if not decisions:
        return
    LOCKS.mkdir(parents=True, exist_ok=True)
    with FileLock(LOCKS / f"label_decisions_{path.stem}.lock"):
        try:
            _append(path, decisions)
        except OSError as error:
            raise UserError(f"{path} cannot be written, and no line was added: {error.strerror}") from None


def _append(path: Path, decisions: Sequence[LabelDecision]) -> None:
    found = _columns_of(path)
    columns = [*found, *(name for name in (*COLUMNS, *EXTRA) if name not in found)]
    text = _lines(path, columns, decisions).encode()
    if columns != found:
        _add_columns(path, columns)
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        is_whole = file.read(1) == b"\n"  # an editor may leave the last line open
        file.seek(size)
        try:
            file.write(text if is_whole else b"\n" + text)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), size)  # a full disk takes half a line
            raise


def _lines(path: Path, columns: list[str], decisions: Sequence[LabelDecision]) -> str:
    """The lines, after a check that they can be read again as they are."""
    cells = (one.to_cells() for one in decisions)
    text = join_rows([one.get(name, "") for name in columns] for one in cells)
    _, rows, _ = split_rows(path, ",".join(columns) + "\n" + text)
    for row, one in zip(rows, decisions, strict=True):
        where = f"{path}: the new line about {one.sample_id[:80]!r}"
        if _decision(row, where) != one:
            raise UserError(f"{where} would not be read again as it is, so no line was added")
    return text


def _columns_of(path: Path) -> list[str]:
    """The first line of the file; nothing where there is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next((fields for fields in csv.reader(file) if any(fields)), [])
    except FileNotFoundError:
        return []
    except (csv.Error, UnicodeDecodeError):
        read_decisions(path)  # names what is wrong
        raise
    return [name.strip() for name in first]


def _add_columns(path: Path, columns: list[str]) -> None:
    """Writes the file anew with more columns, empty in the lines that are there; makes it where there is none."""
    read_decisions(path)
    rows = split_rows(path, decode_text(path.read_bytes(), path))[1] if path.exists() else []
    with artifacts.atomic_write(path) as temporary:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(join_rows([columns, *([row.get(name, "") for name in columns] for row in rows)]))
            file.flush()
            os.fsync(file.fileno())
        read_decisions(temporary)


def _decision(row: dict[str, str], where: str) -> LabelDecision:
    cells = {name: row.get(name, "").strip() for name in (*COLUMNS, *EXTRA) if name != "sample_id"}
    action = cells["action"]
    if action not in ACTIONS:
        raise UserError(f"{where}: the action must be one of {', '.join(ACTIONS)}, found {action!r}")
    for name in ("who", "when", "why"):
        if not cells[name]:
            raise UserError(f"{where} does not say {name}; a decision must say who made it, when and why")
    try:
        datetime.fromisoformat(cells["when"])
    except ValueError:
        raise UserError(f"{where}: when must be a date like 2026-11-24, found {cells['when']!r}") from None
    previous = _labels(cells["previous"], "previous", where)
    labels = _labels(cells["labels"], "labels", where) if action in ("relabel", "label", "autolabel") else []
    _check_labels(action, previous, labels, cells["previous"], where)
    return LabelDecision(
        where=where,
        sample_id=row["sample_id"],
        action=action,
        previous=previous,
        labels=labels,
        who=cells["who"],
        when=cells["when"],
        why=cells["why"],
        attributes=_attributes(cells["attributes"], where),
        seconds=_seconds(cells["seconds"], where),
        seen_prediction=_truth(cells["seen_prediction"], where),
        batch=cells["batch"],
    )


def _check_labels(action: str, previous: list[str], labels: list[str], text: str, where: str) -> None:
    if action == "relabel" and labels in ([], previous):
        found = f"the labels it has, {text!r}" if labels else "none"
        raise UserError(f"{where}: relabel needs the new labels, found {found}; write them, or choose keep or drop")
    if action in ("label", "autolabel") and previous:
        raise UserError(
            f"{where}: {action} is of a sample without a label, and it had {text!r}; write relabel, which replaces it"
        )
    if action == "autolabel" and not labels:
        raise UserError(f"{where}: autolabel needs the labels that the model gives, found none")


def _labels(text: str, column: str, where: str) -> list[str]:
    try:
        return sorted(set(parse_labels(text)))
    except ValueError as error:
        raise UserError(f"{where}, {column}: {error}") from None


def _attributes(text: str, where: str) -> JsonObject:
    if not text:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(_is_answer(one) for one in found.values()):
        raise UserError(f'{where}: attributes must be like {{"severity": "mild", "size": 3}}, found {text[:80]!r}')
    return found


def _is_answer(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, (int, float)) and abs(value) < 1e300)


def _seconds(text: str, where: str) -> float | None:
    try:
        found = float(text) if text else None
    except ValueError:
        found = -1.0
    if found is not None and not 0 <= found < 1e9:
        raise UserError(f"{where}: seconds must be a number of at least 0, found {text!r}")
    return found


def _truth(text: str, where: str) -> bool | None:
    if text.lower() not in TRUTH:
        raise UserError(f"{where}: seen_prediction must be true, false or empty, found {text!r}")
    return TRUTH[text.lower()]
