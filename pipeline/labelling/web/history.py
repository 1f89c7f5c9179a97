"""What each person did on the page, act by act, so that it can be undone and done again; it follows from the file."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import final

from pipeline.datasets.label_decisions import LabelDecision

LABELLED = "labelled with colibri label"
UNDONE = "undone in colibri label"
REDONE = "done again in colibri label"
MOST_ACTS = 200  # that a person can undo


@final
@dataclass(frozen=True, kw_only=True)
class Change:
    """What an act did to one sample.

    Attributes:
        before: What the same person had decided; None for nothing.
        after: The line that was added.
    """

    before: LabelDecision | None
    after: LabelDecision


@final
@dataclass(kw_only=True)
class Act:
    """Lines that one person wrote at one time."""

    when: str
    why: str
    changes: list[Change] = field(default_factory=list)


@final
class History:
    """The acts of all people, from the lines of the file in their order."""

    def __init__(self) -> None:
        self._standing: dict[tuple[str, str], LabelDecision] = {}  # of each person and sample the line that counts
        self._people: Counter[str] = Counter()  # how many of those lines each has
        self._done: dict[str, deque[Act]] = {}
        self._undone: dict[str, deque[Act]] = {}
        self._last: dict[str, Act] = {}

    def standing(self, who: str, sample_id: str) -> LabelDecision | None:
        """What a person decided about a sample, unless they took it back."""
        return self._standing.get((who, sample_id))

    @property
    def people(self) -> list[str]:
        """Who decided on something that stands, sorted; models too."""
        return sorted(who for who, number in self._people.items() if number > 0)

    def add(self, line: LabelDecision) -> None:
        """Takes in one line."""
        key = (line.who, line.sample_id)
        change = Change(before=self._standing.pop(key, None), after=line)
        self._people[line.who] += (line.action != "undo") - (change.before is not None)
        if line.action != "undo":
            self._standing[key] = line
        if line.why not in (LABELLED, UNDONE, REDONE):
            return
        last = self._last.get(line.who)
        if last is None or (last.when, last.why) != (line.when, line.why):
            last = self._last[line.who] = self._begin(line)
        last.changes.append(change)

    def lines_to_undo(self, who: str, when: str) -> list[LabelDecision]:
        """The lines that take the person's last act back; none where there is none."""
        act = next(reversed(self._done.get(who, deque())), None)
        changes = [] if act is None else act.changes
        return [_restore(change.before, change.after, when) for change in changes]

    def lines_to_redo(self, who: str, when: str) -> list[LabelDecision]:
        """The lines that repeat the act that the person undid last; none where there is none."""
        act = next(reversed(self._undone.get(who, deque())), None)
        changes = [] if act is None else act.changes
        return [replace(change.after, when=when, why=REDONE) for change in changes]

    def count(self, who: str) -> tuple[int, int]:
        """How many acts the person can undo, and how many can be done again."""
        return len(self._done.get(who, ())), len(self._undone.get(who, ()))

    def _begin(self, line: LabelDecision) -> Act:
        """A new act, on the pile where it belongs; the act of an undo or a redo moves to the other one."""
        act = Act(when=line.when, why=line.why)
        done = self._done.setdefault(line.who, deque(maxlen=MOST_ACTS))
        undone = self._undone.setdefault(line.who, deque(maxlen=MOST_ACTS))
        if line.why == UNDONE:
            if done:
                undone.append(done.pop())
            return act
        if line.why == LABELLED:
            undone.clear()
        elif undone:
            done.append(undone.pop())
            return act
        done.append(act)
        return act


def _restore(before: LabelDecision | None, after: LabelDecision, when: str) -> LabelDecision:
    """The line that makes the person's decision what it was before."""
    found = replace(after, action="undo", labels=[], attributes={}, batch="") if before is None else before
    return replace(found, when=when, why=UNDONE, seconds=None, seen_prediction=None)
