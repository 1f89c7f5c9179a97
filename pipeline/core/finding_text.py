"""The findings of checks in lines for a terminal: what was found, and the one thing to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.core.results import Finding, StoredFinding

SENTENCE = re.compile(r".+?(?:\.(?=\s+[A-Z])|$)", re.DOTALL)  # the first of a finding
CLAUSE = re.compile(r".+?(?=; |: |\.\s+[A-Z]|\.?$)", re.DOTALL)  # the first step of an advice


def count_states(findings: Mapping[str, Finding | StoredFinding]) -> str:
    """11 passed, 1 noted, 2 warned, 1 cannot be judged."""
    numbers = Counter(one.state for one in findings.values())
    return ", ".join(
        [
            f"{numbers['passed']} passed",
            *([f"{numbers['noted']} noted"] if numbers["noted"] else []),
            *([f"{numbers['failed']} warned"] if numbers["failed"] else []),
            *([f"{numbers['cannot_be_judged']} cannot be judged"] if numbers["cannot_be_judged"] else []),
        ]
    )


def describe_failure(finding: Finding | StoredFinding) -> str:
    """What follows the name of a check that did not pass: the finding in a sentence, its value and its limit."""
    if finding.state == "cannot_be_judged":
        return f" cannot be judged: {_split_obstacle(finding)[0].rstrip('.')}"
    value = _figure(finding.value, finding.unit)
    accepted = "" if finding.limit is None else f", at most {_figure(finding.limit, finding.unit)} accepted"
    sentence = SENTENCE.match(finding.sentence)
    if sentence is None:
        return f": {value} {finding.unit}{accepted}"
    return f": {sentence[0].rstrip('.')} ({value}{accepted})"


def _split_obstacle(finding: Finding | StoredFinding) -> tuple[str, str]:
    """Why a finding cannot be judged, and after the last semicolon what would change that; empty where it says none."""
    reason, _, remedy = finding.obstacle.rpartition("; ")
    return (reason, f"{remedy[:1].upper()}{remedy[1:]}") if reason else (remedy, "")


def _figure(value: float | None, unit: str) -> str:
    """A share in percent, any other number with four figures."""
    if value is None:
        return "undefined"
    return f"{100 * value:.4g} %" if unit.startswith("share of ") else f"{value:.4g}"


def what_to_do(name: str, finding: Finding | StoredFinding, page: Path) -> str:
    """The first step of the advice, and the place on the page that shows the finding and the rest of the advice."""
    step = CLAUSE.match(_split_obstacle(finding)[1] if finding.state == "cannot_be_judged" else finding.advice)
    return f"  -> {step[0].rstrip('.') if step else 'Look at it'}: {page}#{name}"


def ways_out(stage: str, name: str, finding: Finding | StoredFinding, page: Path) -> list[str]:
    """The two ways out of a check that stopped the run: to repair the data, or to accept the finding."""
    return [
        what_to_do(name, finding, page),
        "  Then run again. Or train all the same:",
        f"  colibri run {stage}.{name}.on_fail=warn",
    ]
