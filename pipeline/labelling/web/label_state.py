"""What every sample is labelled at this moment, by whom, and who must still say something."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pandas as pd

from pipeline.core.labels import are_labelled
from pipeline.datasets.class_list import ClassList
from pipeline.datasets.label_decisions import LabelDecision
from pipeline.datasets.label_review import CONFLICT, WAITS, ReviewedSample, combine_decisions, outcome_of
from pipeline.labelling.web.history import History

OPEN, LABELLED, DROPPED = "open", "labelled", "dropped"
CHANGING = ("relabel", "label", "autolabel")  # actions after which the manifest no longer has the source's labels
STATUSES = (OPEN, LABELLED, DROPPED, CONFLICT, WAITS)


@final
@dataclass(frozen=True, kw_only=True)
class SampleState:
    """One sample as a person sees it.

    What other people decided is left out until the person has decided too: two answers say how well people agree only
    where neither knew the other.

    Attributes:
        labels: By the person, or else by the source or a model.
        status: One of `STATUSES`; `dropped` and `labelled` are what the person, or else everybody, decided.
        mine: The line of the person; None where there is none.
        num_people: How many people decided.
    """

    labels: list[str]
    status: str
    mine: LabelDecision | None
    num_people: int


@final
class LabelState:
    """The labels of now.

    Args:
        manifest: `sample_id`, `labels` and what else ingest wrote; also `split`.
        classes: As people list them; None where nobody has.
    """

    def __init__(self, manifest: pd.DataFrame, classes: ClassList | None):
        self.ids: list[str] = manifest["sample_id"].tolist()
        self.row_of = {name: row for row, name in enumerate(self.ids)}
        self.classes = classes
        self.version = 0
        self.changed: dict[int, int] = {}  # row to the version of its last change, since `restarted`
        self._manifest_labels = [list(names) for names in manifest["labels"]]
        decision = manifest.get("decision", pd.Series(None, index=manifest.index, dtype=object))
        self._was_applied = decision.isin(CHANGING).tolist()
        known = are_labelled(manifest.drop(columns="split", errors="ignore"))
        pairs = zip(known, self._manifest_labels, decision.isna(), strict=True)
        self._is_negative = [bool(is_known and not names and is_free) for is_known, names, is_free in pairs]
        self.restart([], classes)

    def restart(self, lines: Iterable[LabelDecision], classes: ClassList | None) -> None:
        """Takes in all lines anew, with another list of classes."""
        self.classes = classes
        self.history = History()
        self.is_decided = np.zeros(len(self.ids), dtype=bool)  # by a person
        self._lines: dict[str, list[LabelDecision]] = {}
        self._waiting: set[str] = set()  # samples whose last decision was for a class that was split since
        self.reviewed: dict[str, ReviewedSample] = {}
        self._source = [self._rename(names) for names in self._manifest_labels]
        self._names = {name for labels, _ in self._source for name in labels}
        for line in lines:
            self._take(line)
        for name, found in self._lines.items():
            self._review(name, found)
        self.version += 1
        self.restarted = self.version  # everything may be another since
        self.changed = {}

    def add(self, lines: Iterable[LabelDecision]) -> list[int]:
        """Takes in further lines; the rows that they are on, as far as these samples are in the manifest."""
        names = {self._take(line) for line in lines}
        self.version += 1
        rows = sorted(self.row_of[name] for name in names if name in self.row_of)
        for name in names:
            self._review(name, self._lines[name])
        self.changed |= dict.fromkeys(rows, self.version)
        return rows

    @property
    def known_names(self) -> list[str]:
        """All that a source or a person gave as a label, sorted."""
        return sorted(self._names)

    def source_labels(self, row: int) -> list[str]:
        """What the source says, by the names of today, sorted."""
        lines = self._lines.get(self.ids[row])
        return list(lines[-1].previous) if lines else self._source[row][0]

    def is_stale(self, row: int) -> bool:
        """Whether the manifest holds a decision that the file no longer has: what the source says is then not known."""
        return self._was_applied[row] and self.ids[row] not in self._lines

    def is_negative(self, row: int) -> bool:
        """Whether the source itself says that none of the labels applies."""
        return self._is_negative[row]

    def see(self, row: int, who: str) -> SampleState:
        """The sample as a person sees it."""
        name = self.ids[row]
        found = self.reviewed.get(name)
        lines = () if found is None else found.decisions
        people = [line for line in lines if not line.is_of_model]
        mine = next((line for line in people if line.who == who), None)
        shown = mine or next((line for line in lines if line.is_of_model), None)
        labels = self.source_labels(row)
        status = LABELLED if labels or self.is_negative(row) else OPEN
        if shown is not None:
            outcome = outcome_of(shown)
            labels, status = list(outcome or ()), DROPPED if outcome is None else LABELLED
        elif name in self._waiting or self._source[row][1]:
            status = WAITS
        if found is not None and found.chosen is None:
            status = CONFLICT
        return SampleState(labels=labels, status=status, mine=mine, num_people=len(people))

    def labels_now(self) -> list[list[str] | None]:
        """Of each sample the labels that everybody's decisions come to; None without one, and where it is dropped."""
        found: list[list[str] | None] = []
        for row, name in enumerate(self.ids):
            reviewed = self.reviewed.get(name)
            if reviewed is not None and reviewed.chosen is not None:
                outcome = outcome_of(reviewed.chosen)
                found.append(None if outcome is None else list(outcome))
            else:
                labels = self.source_labels(row)
                found.append(labels if labels or self.is_negative(row) else None)
        return found

    def _take(self, line: LabelDecision) -> str:
        labels, previous = self._rename(line.labels), self._rename(line.previous)
        today = replace(line, labels=labels[0], previous=previous[0])
        waits = labels[1] or (line.action == "keep" and previous[1])
        (self._waiting.add if waits else self._waiting.discard)(line.sample_id)
        self._lines.setdefault(line.sample_id, []).append(replace(today, action="undo", labels=[]) if waits else today)
        self.history.add(today)
        self._names.update(today.labels, today.previous)
        return line.sample_id

    def _review(self, name: str, lines: list[LabelDecision]) -> None:
        found = combine_decisions(lines).get(name)
        row = self.row_of.get(name)
        if row is not None:
            self.is_decided[row] = found is not None and not found.decisions[0].is_of_model
        if found is None:
            self.reviewed.pop(name, None)
        else:
            self.reviewed[name] = found

    def _rename(self, labels: Iterable[str]) -> tuple[list[str], bool]:
        """By the names of today, and whether one was split."""
        if self.classes is None:
            return sorted(labels), False
        found = self.classes.rename(labels)
        return found.labels, found.waits
