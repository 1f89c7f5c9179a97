"""What checks found and what gates decided: records, beside the contracts of those who make them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pipeline.core.estimate import Entry, Estimate

if TYPE_CHECKING:
    import pandas as pd

Evidence = dict[str, float | Estimate | None]  # figures by name
State = Literal["passed", "failed", "cannot_be_judged"]
MAX_WORST, MAX_STRIPS, MAX_IN_STRIP, MAX_ROWS = 20, 6, 8, 200  # of one finding, in the file and on the page


@dataclass(frozen=True)
class Finding:
    """What a check measured, beside the limit that judges it; larger is worse.

    `worst`, `pictures` and `table` are cut when they are written, so that findings on a million samples stay readable.

    Attributes:
        value: The measured number.
        limit: The largest accepted value.
        unit: What the number counts, in words.
        worst: The worst offenders, name to number or text, worst first.
        advice: What to do when it failed.
        sentence: What was found, for someone who knows nothing of statistics.
        pictures: Caption to the `sample_id` of the samples shown side by side below it.
        table: Everything that was measured, a row each, worst first, all with the same keys.
        obstacle: Why the check could not have failed, whatever the data hold, and what would let it judge, in one
            sentence; empty where it could. A finding with an obstacle has not passed.
        listing: For a file of its own beside the findings; no part of the finding itself.
    """

    value: float
    limit: float
    unit: str
    worst: dict[str, Any] = field(default_factory=dict)
    advice: str = ""
    sentence: str = ""
    pictures: dict[str, list[str]] = field(default_factory=dict)
    table: list[dict[str, Any]] = field(default_factory=list)
    obstacle: str = ""
    listing: pd.DataFrame | None = field(default=None, compare=False, repr=False)

    @property
    def state(self) -> State:
        """`failed` beyond the limit, or where the value is no number; else an obstacle makes it `cannot_be_judged`."""
        if not self.value <= self.limit:  # a NaN is not within its limit
            return "failed"
        return "cannot_be_judged" if self.obstacle else "passed"

    @property
    def passed(self) -> bool:
        return self.state == "passed"


@dataclass(frozen=True)
class Verdict:
    """What a gate decided, with its reasons."""

    promote: bool
    reasons: list[str]
    evidence: Evidence = field(default_factory=dict)

    def evidence_to_json(self) -> dict[str, float | Entry | None]:
        """As `reports/registration.json` holds it."""
        return {name: one.to_json() if isinstance(one, Estimate) else one for name, one in self.evidence.items()}
