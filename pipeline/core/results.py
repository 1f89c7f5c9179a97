"""Records of what checks found and what gates decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Entry, Estimate
from pipeline.core.hints import find_misfits

if TYPE_CHECKING:
    import pandas as pd

Evidence = dict[str, float | Estimate | None]  # figures by name
Figures = Mapping[str, float | Estimate | None]  # the same, to read
State = Literal["passed", "noted", "failed", "cannot_be_judged"]
Outcome = Literal["passed", "refused", "cannot_be_judged", "not_needed"]  # of a gate
MAX_WORST, MAX_STRIPS, MAX_IN_STRIP, MAX_ROWS = 20, 6, 8, 200  # of one finding, in the file and on the page


@dataclass(frozen=True)
class Finding:
    """What a check measured, with the limit for it; larger is worse.

    `worst`, `pictures` and `table` are cut when they are written, so that findings on a million samples stay readable.

    Attributes:
        value: The measured number.
        limit: The largest accepted value.
        unit: What the number counts, in words.
        worst: The worst offenders, name to number or text, worst first.
        advice: What to do when it failed.
        sentence: What was found, for someone who knows nothing of statistics.
        pictures: Caption to the `sample_id` of the samples shown side by side below it.
        table: All measurements, a row each, worst first, all with the same keys.
        obstacle: Why the check could not have failed on these data, and what it would need, in one sentence; empty
            where it could. A finding with an obstacle has not passed.
        note: Why nothing follows from a value beyond the limit, in one sentence; empty where something does. The
            finding is then noted: the page shows it, and it is no warning.
        listing: A table for a separate file; it is not stored with the finding.
    """

    value: float
    limit: float
    unit: str
    worst: Mapping[str, object] = field(default_factory=dict)
    advice: str = ""
    sentence: str = ""
    pictures: dict[str, list[str]] = field(default_factory=dict)
    table: Sequence[Mapping[str, object]] = field(default_factory=list)
    obstacle: str = ""
    note: str = ""
    listing: pd.DataFrame | None = field(default=None, compare=False, repr=False)

    @property
    def state(self) -> State:
        """`failed` beyond the limit (`noted` with a note), or where the value is no number; else, with an obstacle,
        `cannot_be_judged`.
        """
        if self.value > self.limit and self.note:
            return "noted"
        if not self.value <= self.limit:  # a NaN is not within its limit
            return "failed"
        return "cannot_be_judged" if self.obstacle else "passed"

    @property
    def passed(self) -> bool:
        """Whether nothing has to be done."""
        return self.state in ("passed", "noted")


@dataclass(frozen=True, kw_only=True)
class StoredFinding:
    """A finding as `reports/checks.json` and `reports/curation.json` hold it: bounded, and without NaN.

    Attributes:
        question: That the check asks.
        value: None where undefined.
        limit: None where there is none.
        num_rows: Of the whole table, of which `table` may be the beginning.
        passed: Whether `state` is `passed` or `noted`: nothing has to be done.
        on_fail: Whether the check stops the run.

    The others are those of `Finding`.
    """

    question: str = ""
    value: float | None
    limit: float | None
    unit: str
    worst: Mapping[str, object]
    advice: str = ""
    sentence: str = ""
    pictures: dict[str, list[str]] = field(default_factory=dict)
    table: Sequence[Mapping[str, object]] = field(default_factory=list)
    obstacle: str = ""
    note: str = ""
    num_rows: int = 0
    state: State
    passed: bool
    on_fail: Literal["error", "warn"] = "warn"

    def to_json(self) -> dict[str, object]:
        """The entry of the file."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> StoredFinding:
        """The entry of a file, also of one that an earlier Colibri wrote, without `state`.

        Raises:
            ValueError: A key is missing, or holds something else.
        """
        missing = [key for key in ("value", "limit", "unit", "worst", "passed") if key not in entry]
        if missing:
            raise ValueError(f"a finding needs the key {missing[0]!r}, found {', '.join(map(str, entry)) or 'nothing'}")
        known = {one.name: entry[one.name] for one in fields(cls) if one.name in entry}
        for misfit in find_misfits(cls, known):
            raise ValueError(misfit)
        return cls(**{"state": "passed" if entry["passed"] else "failed", **known})


def read_findings(path: Path) -> dict[str, StoredFinding]:
    """Name of the check to its finding, of `reports/checks.json` or `reports/curation.json`.

    Raises:
        UserError: The file is missing, or holds something else.
    """
    try:
        return {name: StoredFinding.from_json(entry) for name, entry in artifacts.read_json(path).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not the findings of checks ({error}); remove it and run dvc repro") from None


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """What one gate found about a challenger.

    Attributes:
        outcome: `passed`, `refused`, `cannot_be_judged`, or `not_needed` where its question does not arise.
        sentence: What was found, and with which limit, a clause without a full stop.
        figures: By name.
    """

    outcome: Outcome
    sentence: str
    figures: Figures = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NamedResult:
    """The result of a gate, with its name in `conf/gate/` and its question."""

    name: str
    question: str
    result: GateResult

    def to_json(self) -> dict[str, object]:
        """As `reports/registration.json` holds it."""
        found = self.result
        return {
            "name": self.name,
            "question": self.question,
            "outcome": found.outcome,
            "sentence": found.sentence,
            "figures": evidence_to_json(found.figures),
        }


@dataclass(frozen=True)
class Verdict:
    """Whether a challenger becomes champion, with the reasons, and what each gate found."""

    promote: bool
    reasons: list[str]
    evidence: Evidence = field(default_factory=dict)
    gates: list[NamedResult] = field(default_factory=list)


def evidence_to_json(evidence: Figures) -> dict[str, float | Entry | None]:
    """Figures as `reports/registration.json` holds them."""
    return {name: one.to_json() if isinstance(one, Estimate) else one for name, one in evidence.items()}
