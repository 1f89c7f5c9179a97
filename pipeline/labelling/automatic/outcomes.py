"""Labels of people and of models by the names of today, so that they can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipeline.datasets.label_review import Outcome, outcome_of

if TYPE_CHECKING:
    from pipeline.datasets.class_list import ClassList
    from pipeline.datasets.label_decisions import LabelDecision


def names_of_today(labels: Iterable[str], listed: ClassList | None) -> tuple[str, ...]:
    """The labels, sorted, by the names that the list of classes gives them now."""
    found = list(labels)
    return tuple(sorted(found if listed is None else listed.rename(found).labels))


def outcome_of_today(decision: LabelDecision, listed: ClassList | None) -> Outcome:
    """`outcome_of`, by the names of today."""
    outcome = outcome_of(decision)
    return None if outcome is None else names_of_today(outcome, listed)
