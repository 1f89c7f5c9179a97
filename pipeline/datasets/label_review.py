"""Decisions of people about labels, a line each in `data/label_decisions/NAME.csv`, applied to the source's items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from pipeline.core import artifacts
from pipeline.core.delimited_text import decode_text, split_rows
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.labels import labels_to_text, parse_labels

COLUMNS = ("sample_id", "action", "previous", "labels", "who", "when", "why")
ACTIONS = ("keep", "relabel", "drop")
FORMER = Path("data/label_decisions.csv")  # one file for all data sets, until November 2026


@dataclass(frozen=True, kw_only=True)
class ReviewDecision:
    """One line of the file.

    Attributes:
        where: File and line, for messages.
        action: `keep` says that the labels are right, `relabel` replaces them, `drop` takes the sample out.
        previous: The labels that the sample had when the decision was made, sorted.
        labels: Of `relabel`, sorted; empty for the others.
    """

    where: str
    sample_id: str
    action: str
    previous: list[str]
    labels: list[str]
    who: str
    when: str
    why: str


def load_decisions(source: str) -> list[ReviewDecision]:
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


def read_decisions(path: Path) -> list[ReviewDecision]:
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
    columns, rows, lines = split_rows(path, decode_text(data, path))
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise UserError(
            f"{path}: line 1 names no column {missing[0]!r}; it must name {','.join(COLUMNS)}, with commas between them"
        )
    decisions = [_decision(row, f"{path}: line {line}") for row, line in zip(rows, lines, strict=True)]
    first: dict[str, str] = {}
    for one in decisions:
        if one.sample_id in first:
            raise UserError(
                f"{one.where} decides on {one.sample_id!r} again, after {first[one.sample_id]}; keep one of them"
            )
        first[one.sample_id] = one.where.rpartition(": ")[2]
    return decisions


def _decision(row: dict[str, str], where: str) -> ReviewDecision:
    cells = {name: row[name].strip() for name in COLUMNS if name != "sample_id"}
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
    labels = _labels(cells["labels"], "labels", where) if action == "relabel" else []
    if action == "relabel" and labels in ([], previous):
        found = f"the labels it has, {cells['previous']!r}" if labels else "none"
        raise UserError(f"{where}: relabel needs the new labels, found {found}; write them, or choose keep or drop")
    return ReviewDecision(
        where=where,
        sample_id=row["sample_id"],
        action=action,
        previous=previous,
        labels=labels,
        who=cells["who"],
        when=cells["when"],
        why=cells["why"],
    )


def _labels(text: str, column: str, where: str) -> list[str]:
    try:
        return sorted(set(parse_labels(text)))
    except ValueError as error:
        raise UserError(f"{where}, {column}: {error}") from None


def apply_decisions(
    items: pd.DataFrame, refused: Sequence[ItemRejected | None], decisions: Sequence[ReviewDecision]
) -> tuple[pd.DataFrame, list[ItemRejected | None]]:
    """The items with corrected labels, and the rejections, to which dropped items are added.

    With at least one decision, the items get a column `decision`: the action, missing for items without a decision.

    Args:
        items: `sample_id` and `labels`, one row for each item.
        refused: The rejection of each item, or None.
        decisions: At most one for each `sample_id`.

    Raises:
        UserError: A decision is on no usable item, on labels that have changed since, or for unknown labels.
    """
    result = list(refused)
    if not decisions:
        return items, result
    names, labels = items["sample_id"].tolist(), [list(one) for one in items["labels"]]
    usable = {name: row for row, (name, reason) in enumerate(zip(names, refused, strict=True)) if reason is None}
    known = {name for one in labels for name in one}
    actions: list[str | None] = [None] * len(items)
    for one in decisions:
        row = _row(one, usable, labels, known)
        actions[row] = one.action
        if one.action == "relabel":
            labels[row] = one.labels
        elif one.action == "drop":
            result[row] = ItemRejected("dropped", f"by {one.who}, {one.when}: {one.why}")
    return items.assign(labels=pd.Series(labels, index=items.index), decision=actions), result


def _row(one: ReviewDecision, usable: dict[str, int], labels: list[list[str]], known: set[str]) -> int:
    """The position of the item that a decision is on, after a check that the decision still applies."""
    row = usable.get(one.sample_id)
    if row is None:
        raise UserError(
            f"{one.where}: the source names no usable sample {one.sample_id!r}; correct or remove the line, or set "
            "ingest.decisions=false to leave all decisions out"
        )
    if sorted(labels[row]) != one.previous:
        raise UserError(
            f"{one.where}: {one.sample_id!r} is labelled {labels_to_text(labels[row])!r} now, the decision was made on "
            f"{labels_to_text(one.previous)!r}; check the picture again, then correct or remove the line"
        )
    unknown = [name for name in one.labels if name not in known]
    if unknown and known:  # where nothing has a label, the decisions make the classes
        raise UserError(
            f"{one.where}: no sample of the source is labelled {unknown[0]!r}; correct the name, or add the class to "
            "the source first"
        )
    return row
