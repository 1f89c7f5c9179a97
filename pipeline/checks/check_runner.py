"""Findings of checks: write them to a file, report those that did not pass, and stop the run where one demands it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core import artifacts, progress, terminal
from pipeline.core.contracts import Check, FeatureCheck
from pipeline.core.errors import UserError
from pipeline.core.finding_text import describe_failure, ways_out, what_to_do
from pipeline.core.results import MAX_IN_STRIP, MAX_ROWS, MAX_STRIPS, MAX_WORST, Finding, StoredFinding
from pipeline.datasets.feedback_split import pairs_in_use, selected_rows
from pipeline.datasets.near_duplicates.groups import add_duplicate_group

AnyCheck = Check | FeatureCheck


def merge_samples(manifest: pd.DataFrame, splits: pd.DataFrame, duplicates: pd.DataFrame) -> pd.DataFrame:
    """Manifest rows with `duplicate`, `split` and joined `group`; `source_group` is the group that the source gives."""
    if not (
        manifest["sample_id"].is_unique and splits["sample_id"].is_unique
    ):  # pandas' own validation sorts a million names
        raise pd.errors.MergeError("manifest and splits name a sample twice; not a one-to-one merge")
    selected = frozenset(manifest.loc[selected_rows(manifest), "sample_id"])
    samples = add_duplicate_group(manifest, pairs_in_use(duplicates, splits, selected)).rename(
        columns={"group": "source_group"}
    )
    return samples.merge(splits, on="sample_id")


def run_checks(stage: str, checks: dict[str, Any], *data: Any) -> dict[str, Finding]:
    """The finding of each check by its name; a terminal shows which one runs.

    Args:
        stage: Name of the stage.
        checks: Checks by name.
        data: What each of them takes: samples, and for a FeatureCheck their content.
    """
    findings = {}
    for name, check in checks.items():
        with progress.show(f"{stage}: {name.replace('_', ' ')}"):
            findings[name] = check(*data)
    return findings


def report_failures(stage: str, page: Path, checks: dict[str, AnyCheck], findings: dict[str, Finding]) -> None:
    """Prints the warnings, then stops the run if a check with `on_fail: error` did not pass; write the findings before.

    A check that cannot be judged has not passed: it could not have failed on these data.

    Args:
        stage: Name of the stage that ran the checks.
        page: The page that shows the findings.
        checks: Checks by name.
        findings: The finding of each check.

    Raises:
        UserError: Names the first check that stops the run, what it found, the page, the ways out, and the others.
    """
    not_passed = [name for name, finding in findings.items() if not finding.passed]
    for name in not_passed:
        if checks[name].on_fail == "warn":
            terminal.warn(f"{stage}: warning, {name}{describe_failure(findings[name])}")
            terminal.note(what_to_do(name, findings[name], page))
    stopping = [name for name in not_passed if checks[name].on_fail == "error"]
    if stopping:
        first, *others = stopping
        also = "".join(
            f" ({words}: {', '.join(names)})"
            for state, words in (("failed", "also failed"), ("cannot_be_judged", "also cannot be judged"))
            if (names := [name for name in others if findings[name].state == state])
        )
        raise UserError(
            f"stopped by {first}{describe_failure(findings[first])}{also}",
            *ways_out(stage, first, findings[first], page),
        )


def store_findings(checks: dict[str, AnyCheck], findings: dict[str, Finding], path: Path) -> dict[str, StoredFinding]:
    """Writes all findings to `reports/checks.json` or `reports/curation.json`; returns them as written."""
    stored = {name: bound_finding(checks[name], finding) for name, finding in findings.items()}
    artifacts.write_json(path, {name: one.to_json() for name, one in stored.items()})
    return stored


def bound_finding(check: AnyCheck, finding: Finding) -> StoredFinding:
    """A finding as the file holds it, under the check's question.

    Long tables, strips and lists of offenders are cut (`num_rows` is the full length of the table). Infinity and NaN
    become null. The note of a noted finding ends its sentence, so that every page shows it.
    """
    pictures = list(finding.pictures.items())[:MAX_STRIPS]
    note = finding.note if finding.state == "noted" else ""
    return StoredFinding(
        question=check.question,
        value=_finite(finding.value),
        limit=_finite(finding.limit),
        unit=finding.unit,
        worst=_finite(dict(list(finding.worst.items())[:MAX_WORST])),
        advice=finding.advice,
        sentence=f"{finding.sentence} {note}".strip(),
        pictures=_finite({caption: names[:MAX_IN_STRIP] for caption, names in pictures}),
        table=_finite(finding.table[:MAX_ROWS]),
        obstacle=finding.obstacle,
        note=note,
        num_rows=len(finding.table),
        state=finding.state,
        passed=finding.passed,
        on_fail=check.on_fail,
    )


def _finite(value: Any) -> Any:
    """Infinite numbers and NaN become None, at any depth, because JSON has neither."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
