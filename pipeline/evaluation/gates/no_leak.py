"""Do the test figures of the challenger count?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from pipeline.core.evaluation_contracts import Contest, Gate
from pipeline.core.results import GateResult

LEAKAGE = "split_leakage"  # the check without which no figure of test counts


@final
@dataclass(frozen=True, kw_only=True)
class NoLeak(Gate):
    """Refuses a challenger whose test samples are also in train, and one of which nobody can say whether they are.

    The check `split_leakage` looks for them; where it is switched off there is no such limit.
    """

    question: ClassVar[str] = "Do its test figures count?"
    is_essential: ClassVar[bool] = True

    def __call__(self, contest: Contest) -> GateResult:
        found = (contest.challenger.findings or {}).get(LEAKAGE)
        if found is None:
            return GateResult(outcome="not_needed", sentence=f"the check {LEAKAGE} is switched off")
        if found.passed:
            return GateResult(outcome="passed", sentence=f"{LEAKAGE} passed", figures={"value": found.value})
        if found.state == "cannot_be_judged":
            sentence = f"whether its test figures leak cannot be judged: {found.obstacle}"
            return GateResult(outcome="cannot_be_judged", sentence=sentence)
        number = "an undefined number of" if found.value is None else f"{found.value:.0f}"
        sentence = f"its test figures leak: {number} {found.unit}"
        return GateResult(outcome="refused", sentence=sentence, figures={"value": found.value})
