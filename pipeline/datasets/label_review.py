"""What all decisions about a sample come to, and the source's items with them applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import final

import pandas as pd

from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.labels import labels_to_text
from pipeline.core.manifest_schema import ATTRIBUTE
from pipeline.core.open_types import JsonObject
from pipeline.datasets.class_list import ClassList
from pipeline.datasets.label_decisions import LabelDecision

CONFLICT = "conflict"  # in the manifest's column `decision`: people differ, and a further line must say who is right
RETIRED = "retired"  # there too: the class that people chose is not used any more, so the sample has no label
WAITS = "waits"  # there too: the sample's class was split, and nobody has said into which part it goes
Outcome = tuple[str, ...] | None  # labels, or None where the sample is dropped


@final
@dataclass(frozen=True, kw_only=True)
class ReviewedSample:
    """All decisions about one sample that count.

    Attributes:
        decisions: The last line of each person, in the order of the file; that of a model where no person decided.
        chosen: The line that is applied; None where people differ and no outcome has more than half of them.
        is_selected: Whether a query chose the sample or a model labelled it: by the first line that labels it, also one
            that does not count any more, since it is why the sample was looked at.
    """

    sample_id: str
    decisions: tuple[LabelDecision, ...]
    chosen: LabelDecision | None
    is_selected: bool = False

    @property
    def attributes(self) -> JsonObject:
        """Name to the last answer of those who agree with what was chosen."""
        if self.chosen is None:
            return {}
        agreeing = (one for one in self.decisions if outcome_of(one) == outcome_of(self.chosen))
        return {name: value for one in agreeing for name, value in one.attributes.items()}


def outcome_of(decision: LabelDecision) -> Outcome:
    """The labels that a sample has after the decision; None where it is dropped."""
    if decision.action == "drop":
        return None
    return tuple(decision.previous if decision.action == "keep" else decision.labels)


def combine_decisions(decisions: Iterable[LabelDecision]) -> dict[str, ReviewedSample]:
    """What the lines about each sample come to, by sample_id.

    Of a person the last line counts, and `undo` takes it back. A line of a model counts where no person has decided.
    Where people differ, the outcome of more than half of them is applied; without one the sample stays as its source
    has it, until a further line decides.

    Args:
        decisions: In the order of the file.
    """
    lines: dict[str, dict[str, LabelDecision]] = {}
    first: dict[str, bool] = {}
    for one in decisions:
        if one.action in ("label", "autolabel"):
            first.setdefault(one.sample_id, one.is_selected)
        of_sample = lines.setdefault(one.sample_id, {})
        of_sample.pop(one.who, None)
        if one.action != "undo":
            of_sample[one.who] = one
    return {
        name: _combine(name, list(found.values()), first.get(name, False)) for name, found in lines.items() if found
    }


def _combine(sample_id: str, found: list[LabelDecision], is_selected: bool) -> ReviewedSample:
    counted = [one for one in found if not one.is_of_model] or found[-1:]
    outcome, votes = Counter(map(outcome_of, counted)).most_common(1)[0]
    chosen = [one for one in counted if outcome_of(one) == outcome][-1] if 2 * votes > len(counted) else None
    return ReviewedSample(sample_id=sample_id, decisions=tuple(counted), chosen=chosen, is_selected=is_selected)


def apply_decisions(
    items: pd.DataFrame,
    refused: Sequence[ItemRejected | None],
    decisions: Sequence[LabelDecision],
    classes: ClassList | None = None,
) -> tuple[pd.DataFrame, list[ItemRejected | None]]:
    """The items with corrected labels, and the rejections, to which dropped items are added.

    With at least one decision, the items get a column `decision`: the action, `conflict` or `waits`, missing for items
    without one. Answers to questions become columns `attr_NAME`. A column `selected` marks samples that a query chose
    or a model labelled: no random sample, so they belong in train alone. With a list of classes labels of any age get
    the names of today, and those that change are in a column `former_labels`.

    Args:
        items: `sample_id` and `labels`, one row for each item.
        refused: The rejection of each item, or None.
        decisions: In the order of the file.
        classes: Of the data set; None where nobody has listed them.

    Raises:
        UserError: A decision is on no usable item, on labels that have changed since, or for unknown labels, or no line
            of the classes names a label of the source.
    """
    result = list(refused)
    if not decisions and classes is None:
        return items, result
    labels = [list(one) for one in items["labels"]]
    actions: list[str | None] = [None] * len(items)
    if classes is not None:
        items, labels, actions = _rename(items, labels, result, classes)
    if decisions:
        today, undecided = rename_decisions(decisions, classes)
        items = _apply(items, result, combine_decisions(today), labels, actions, classes)
        for row, name in enumerate(items["sample_id"]):
            if name in undecided and actions[row] in (None, WAITS):
                labels[row], actions[row] = [], undecided[name]
    columns: dict[str, object] = {"labels": pd.Series(labels, index=items.index)}
    if decisions or any(actions):
        columns["decision"] = actions
    return items.assign(**columns), result


def _rename(
    items: pd.DataFrame, labels: list[list[str]], refused: Sequence[ItemRejected | None], classes: ClassList
) -> tuple[pd.DataFrame, list[list[str]], list[str | None]]:
    """The labels by the names of today, and `waits` for samples of a class that was split."""
    classes.refuse_unknown([one for one, reason in zip(labels, refused, strict=True) if reason is None])
    renamed = [classes.rename(one) for one in labels]
    changed = [sorted(before) != after.labels for before, after in zip(labels, renamed, strict=True)]
    if any(changed):
        former = [
            labels_to_text(sorted(one)) if is_other else None for one, is_other in zip(labels, changed, strict=True)
        ]
        items = items.assign(former_labels=pd.Series(former, index=items.index, dtype="str"))
    return items, [one.labels for one in renamed], [WAITS if one.waits else None for one in renamed]


def rename_decisions(
    decisions: Sequence[LabelDecision], classes: ClassList | None
) -> tuple[Sequence[LabelDecision], dict[str, str]]:
    """The decisions by the names of today, without those that decide nothing any more.

    The second result says of the samples of these why: `waits` where the class was split since, `retired` where it is
    not used any more.
    """
    if classes is None:
        return decisions, {}
    found, undecided = [], {}
    for one in decisions:
        labels, previous = classes.rename(one.labels), classes.rename(one.previous)
        if labels.waits or (one.action == "keep" and previous.waits):
            undecided[one.sample_id] = WAITS
        elif one.labels and not labels.labels:
            undecided[one.sample_id] = RETIRED
        else:
            found.append(replace(one, previous=previous.labels, labels=labels.labels))
    return found, undecided


def _apply(
    items: pd.DataFrame,
    refused: list[ItemRejected | None],
    reviewed: dict[str, ReviewedSample],
    labels: list[list[str]],
    actions: list[str | None],
    classes: ClassList | None,
) -> pd.DataFrame:
    """Changes labels, actions and rejections in place; returns the items with the answers to questions."""
    names = items["sample_id"].tolist()
    usable = {name: row for row, (name, reason) in enumerate(zip(names, refused, strict=True)) if reason is None}
    known = set(classes.names) if classes is not None else {name for one in labels for name in one}
    is_open = classes is None and not known  # where nothing has a label, the decisions make the classes
    answers: dict[str, list[object]] = {}
    negative = items["negative"].tolist() if "negative" in items else [False] * len(items)
    selected = [False] * len(items)
    for one in reviewed.values():
        row = _row(one, usable, labels, None if is_open else known, classes)
        chosen = one.chosen
        actions[row] = CONFLICT if chosen is None else chosen.action
        if chosen is None:
            continue
        outcome = outcome_of(chosen)
        if outcome is None:
            refused[row] = ItemRejected("dropped", f"by {chosen.who}, {chosen.when}: {chosen.why}")
            continue
        labels[row] = list(outcome)
        negative[row] = not outcome and (negative[row] or chosen.action == "label")
        selected[row] = one.is_selected
        for name, value in one.attributes.items():
            answers.setdefault(name, [None] * len(items))[row] = value
    columns: dict[str, object] = {"selected": selected} if any(selected) else {}
    if "negative" in items or any(negative):
        columns["negative"] = negative
    return items.assign(**columns, **_answer_columns(items, answers))


def _answer_columns(items: pd.DataFrame, answers: dict[str, list[object]]) -> dict[str, pd.Series]:
    """The column of each question: numbers where all answers are numbers, else text."""
    found = {}
    for name, values in sorted(answers.items()):
        column = ATTRIBUTE + name
        if column in items:
            raise UserError(f"the source has an attribute {name!r} of its own; give that of the classes another name")
        are_numbers = all(one is None or isinstance(one, (int, float)) for one in values)
        texts = [one if one is None else str(one) for one in values]
        found[column] = pd.Series(
            values if are_numbers else texts, index=items.index, dtype="float64" if are_numbers else "str"
        )
    return found


def _row(
    one: ReviewedSample,
    usable: dict[str, int],
    labels: list[list[str]],
    known: set[str] | None,
    classes: ClassList | None,
) -> int:
    """The position of the item that decisions are on, after a check that they still apply."""
    row = usable.get(one.sample_id)
    if row is None:
        raise UserError(
            f"{one.decisions[0].where}: the source names no usable sample {one.sample_id!r}; correct or remove the "
            "line, or set ingest.decisions=false to leave all decisions out"
        )
    for line in one.decisions:
        if sorted(labels[row]) != line.previous:
            raise UserError(
                f"{line.where}: {one.sample_id!r} is labelled {labels_to_text(labels[row])!r} now, the decision was "
                f"made on {labels_to_text(line.previous)!r}; check the picture again, then correct or remove the line"
            )
        unknown = [name for name in line.labels if known is not None and name not in known]
        if unknown and classes is not None:
            raise UserError(f"{line.where}: {classes.path} names no class {unknown[0]!r}; correct one of them")
        if unknown:
            raise UserError(
                f"{line.where}: no sample of the source is labelled {unknown[0]!r}; correct the name, list it in "
                "data/classes/, or add the class to the source first"
            )
    return row
