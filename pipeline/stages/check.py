"""Everything the manifest alone can tell against the data, before any network runs."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import pandas as pd

from pipeline.core import config, files, stage
from pipeline.core.contracts import Check, Finding
from pipeline.core.errors import UserError


def main() -> None:
    params = config.load_params()
    checks = build_checks(config.section(params, "check"))
    samples = judged_samples(files.read_table(files.MANIFEST), files.read_table(files.SPLITS))
    findings = {name: check(samples) for name, check in checks.items()}
    files.write_json(files.CHECKS, {name: entry(checks[name], finding) for name, finding in findings.items()})
    failed = [name for name, finding in findings.items() if not finding.passed]
    for name in failed:
        if checks[name].on_fail == "warn":
            print(f"check: warning, {name}: {sentence(findings[name])}", file=sys.stderr)
    stopping = [name for name in failed if checks[name].on_fail == "error"]
    if stopping:
        first = stopping[0]
        others = f" (also failed: {', '.join(stopping[1:])})" if len(stopping) > 1 else ""
        raise UserError(f"{first}: {sentence(findings[first])}{others}; details in {files.CHECKS}")


def build_checks(nodes: dict[str, Any]) -> dict[str, Check]:
    checks = {name: config.build(node, f"check.{name}") for name, node in nodes.items()}
    for name, check in checks.items():
        if check.on_fail not in ("error", "warn"):
            raise UserError(f"params.yaml: check.{name}.on_fail must be 'error' or 'warn', got {check.on_fail!r}")
    return checks


def judged_samples(manifest: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Manifest rows with their `split` and joined `group`; the group the source told becomes `told_group`."""
    return manifest.rename(columns={"group": "told_group"}).merge(splits, on="sample_id", validate="one_to_one")


def entry(check: Check, finding: Finding) -> dict[str, Any]:
    """A finding as `checks.json` keeps it, under the question that opens the check's module."""
    question = (sys.modules[type(check).__module__].__doc__ or "").strip().partition("\n")[0]
    return {"question": question, **asdict(finding), "passed": finding.passed, "on_fail": check.on_fail}


def sentence(finding: Finding) -> str:
    worst = ", ".join(f"{name}: {value}" for name, value in finding.worst.items())
    return (
        f"{finding.value:.4g} {finding.unit}, at most {finding.limit:.4g} accepted"
        + (f" ({worst})" if worst else "")
        + (f". {finding.advice}" if finding.advice else "")
    )


if __name__ == "__main__":
    stage.run("check", main)
