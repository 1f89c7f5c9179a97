"""Did a check of the data fail that had not failed when the champion was made?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

from pipeline.core.evaluation_contracts import Contest, Gate
from pipeline.core.finding_text import describe_failure
from pipeline.core.results import GateResult


@final
@dataclass(frozen=True, kw_only=True)
class NoFailedCheck(Gate):
    """Refuses a challenger whose data fail a check that the champion's data did not fail.

    A check with `on_fail: error` that fails stops the run, so these are the ones that warn. What was known when the
    champion was made is no news: a shortcut that every version has would otherwise refuse each of them.

    Args:
        failures: `new` refuses those that the champion's data did not have, `all` refuses every one.
        ignored: Names of checks that refuse nothing.
    """

    question: ClassVar[str] = "Did no check of its data fail that the champion's data passed?"

    failures: Literal["new", "all"]
    ignored: list[str]

    def __call__(self, contest: Contest) -> GateResult:
        findings = contest.challenger.findings or {}
        failed = [name for name, one in findings.items() if one.state == "failed" and name not in self.ignored]
        figures = {"failed": float(len(failed)), "checks": float(len(findings))}
        if self.failures == "new" and failed:
            if contest.champion is None:
                sentence = f"there is no champion, so {', '.join(failed)} failed for the first time"
                return GateResult(outcome="not_needed", sentence=sentence, figures=figures)
            before = contest.champion.findings
            if before is None:
                sentence = f"{', '.join(failed)} failed, and what the champion's checks found is gone"
                return GateResult(outcome="cannot_be_judged", sentence=sentence, figures=figures)
            failed = [name for name in failed if name not in before or before[name].state != "failed"]
        if not failed:
            new = " that had not failed for the champion" if self.failures == "new" else ""
            sentence = f"none of {len(findings)} checks failed{new}"
            return GateResult(outcome="passed", sentence=sentence, figures=figures)
        said = "; ".join(f"{name}{describe_failure(findings[name])}" for name in failed)
        return GateResult(outcome="refused", sentence=said, figures={**figures, "new": float(len(failed))})
