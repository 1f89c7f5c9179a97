"""From what the page sends about a sample to the line of the file that says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, final

from pipeline.datasets.label_decisions import LabelDecision
from pipeline.labelling.web.history import LABELLED
from pipeline.serving.limits import Refusal

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject
    from pipeline.datasets.class_list import LabelClass
    from pipeline.labelling.web.bodies import DecisionBody
    from pipeline.labelling.web.label_state import LabelState
    from pipeline.labelling.web.suggestions import Suggestion


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LineMaker:
    """Makes the lines of one act.

    Args:
        state: The labels of now.
        classes: In use.
        exclusive: Whether a sample has exactly one label.
        suggestion: What is shown of a model's answer about a row.
        batches: sample_id to the batch of the query.
    """

    state: LabelState
    classes: Sequence[LabelClass]
    exclusive: bool
    suggestion: Callable[[int], Suggestion | None]
    batches: dict[str, str]

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(entry.name for entry in self.classes)

    def make(self, row: int, body: DecisionBody, when: str) -> LabelDecision:
        """The line about one sample.

        Raises:
            Refusal: A class or an answer does not exist, or the decision says nothing.
        """
        previous, is_negative = self.state.source_labels(row), self.state.is_negative(row)
        name = self.state.ids[row]
        if self.state.is_stale(row):
            text = f"the decision that the last run applied to {name[:80]!r} is gone; run colibri run, then start again"
            raise Refusal(409, "stale", text)
        line = LabelDecision(
            sample_id=name,
            action="drop",
            previous=previous,
            who=body.who,
            when=when,
            why=LABELLED,
            seconds=None if body.seconds is None else round(body.seconds, 1),
            seen_prediction=bool(body.seen_prediction and self.suggestion(row) is not None),
            batch=self.batches.get(name, ""),
        )
        if body.action == "drop":
            return line
        labels = self._choose_labels(row, body)
        is_known = bool(previous) or is_negative
        action = "label" if not is_known else "keep" if labels == previous else "relabel"
        if action == "relabel" and not labels:
            text = f"{name[:80]!r} has a label in the source; say which one is right, or take the sample out"
            raise Refusal(422, "no_label", text)
        answers = self._answer(row, labels, body)
        return replace(line, action=action, labels=[] if action == "keep" else labels, attributes=answers)

    def _choose_labels(self, row: int, body: DecisionBody) -> list[str]:
        """The labels after the decision, sorted."""
        found = sorted(self._wanted_labels(row, body))
        unknown = [name for name in found if name not in self._names]
        if unknown:
            raise Refusal(422, "no_such_class", f"there is no class {unknown[0][:80]!r}; add it under Classes")
        if self.exclusive and len(found) > 1:
            raise Refusal(422, "one_label", "a sample of this data set has exactly one label")
        return found

    def _wanted_labels(self, row: int, body: DecisionBody) -> set[str]:
        seen = self.state.see(row, body.who)
        if body.action == "accept":
            suggested = self.suggestion(row)
            found = set(seen.labels if suggested is None or seen.labels else self._today(suggested.labels))
            if not found and not self.state.is_negative(row):
                raise Refusal(422, "nothing_to_accept", "a sample has no label and no prediction to accept")
            return found
        if body.labels is not None:
            return set(body.labels)
        if not body.add and not body.remove and seen.mine is None and not seen.labels:
            raise Refusal(422, "no_label", "choose a class first, then answer its questions")
        return (set(seen.labels) | set(body.add)) - set(body.remove)

    def _today(self, labels: Sequence[str]) -> list[str]:
        return list(labels) if self.state.classes is None else self.state.classes.rename(labels).labels

    def _answer(self, row: int, labels: list[str], body: DecisionBody) -> JsonObject:
        """The answers that fit the classes of the labels; an empty text takes an answer back."""
        mine = self.state.see(row, body.who).mine
        answers = {**({} if mine is None else mine.attributes), **body.attributes}
        questions = {each.name: each for entry in self.classes if entry.name in labels for each in entry.attributes}
        unknown = [name for name in body.attributes if name not in questions]
        if unknown:
            text = f"no class of {self.state.ids[row][:80]!r} has an attribute {unknown[0][:80]!r}"
            raise Refusal(422, "no_such_attribute", text)
        found: JsonObject = {}
        for name, question in questions.items():
            if answers.get(name, "") == "":
                continue
            try:
                found[name] = question.check(answers[name])
            except ValueError as error:
                raise Refusal(422, "no_answer", str(error)) from None
        return found
