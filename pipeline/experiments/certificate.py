"""The reproducibility certificate: what was run again, what came out, and on what."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.machine import describe_machine
from pipeline.core.nouns import CARD
from pipeline.experiments.recorded_run import RecordedRun
from pipeline.experiments.verification import LEFT_OUT, Verification
from pipeline.report.markdown import escape, table

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

JSON, PAGE = (
    Path("reports/certificate.json"),
    Path("reports/certificate.md"),
)  # no artifacts: they hold a clock
LOCK = "requirements.lock"
PACKAGES = (
    *("torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "pillow", "safetensors"),
    *("faiss-cpu", "great-expectations", "dvc", "mlflow"),
)
METHOD = (
    "A number is within tolerance where it differs from the recorded one by at most {tolerance:g} of the larger of 1 "
    "and the recorded number. Other hardware, threads or versions change the last digits of sums. Each stage ran anew, "
    "on what the stages before it had made, in a folder of its own; no result came from a cache."
)
CARD_FILE = (artifacts.PREDICTOR / CARD).as_posix()


def make_certificate(
    run: RecordedRun, name: str, stages: Sequence[str], found: Verification, tolerance: float
) -> JsonObject:
    """The certificate as JSON.

    Args:
        run: The record.
        name: As the person gave the commit.
        stages: Those that were run again.
        found: What came out.
        tolerance: Largest accepted difference of two numbers.
    """
    machine, recorded = describe_machine(), read_recorded_machine(run)
    counts = {state: found.count(state) for state in ("same bytes", "within tolerance", "differs", "missing")}
    return {
        "result": describe_result(found),
        "name": name,
        "commit": run.commit,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "tolerance": tolerance,
        "counts": counts,
        "stages": {stage: round(found.seconds[stage], 1) for stage in stages},
        "not_run": [stage for stage in run.lock if stage not in stages],
        "notes": [
            *found.notes,
            *(f"{stage} is not run: {why}" for stage, why in LEFT_OUT.items() if stage in run.lock),
        ],
        "source": run.source_files(),
        "artifacts": [vars(one) for one in found.outputs],
        "machine": machine,
        "recorded_machine": recorded,
        "other_machine": {
            name: f"{machine.get(name, 'unknown')} instead of {recorded.get(name, 'unknown')}"
            for name in dict.fromkeys([*recorded, *machine])
            if recorded and machine.get(name) != recorded.get(name)
        },
        "software": {"python": platform.python_version(), **_versions()},
        "other_versions": _other_versions(run),
    }


def describe_result(found: Verification) -> str:
    """The verdict in a word or two."""
    if found.count("differs", "missing"):
        return "differs"
    return "within tolerance" if found.count("within tolerance") else "same bytes"


def describe_hardware(certificate: JsonObject) -> str:
    """How this machine compares with that of the original training, in a line."""
    if not certificate["recorded_machine"]:
        return (
            "The machine of the original training is not known: its run in MLflow was recorded by an older Colibri, "
            "or is in another store"
        )
    others = certificate["other_machine"]
    if not others:
        return "This machine is like that of the original training in all that is recorded"
    return "This machine is not that of the original training: " + ", ".join(
        f"{name} {text}" for name, text in others.items()
    )


def read_recorded_machine(run: RecordedRun) -> dict[str, str]:
    """On what the training of the record ran, as its run in MLflow says; empty where that is not known."""
    from pipeline.tracking.runs import read_machine

    try:
        key = json.loads(run.files.read_text(CARD_FILE, encoding="utf-8")).get("training_key")
    except Exception as error:
        if not isinstance(error, OSError | ValueError) and not type(error).__module__.startswith("dvc"):
            raise
        return {}
    return read_machine(str(key)) if key else {}


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _other_versions(run: RecordedRun) -> dict[str, str]:
    """Packages whose version is not the one that the commit locks."""
    from packaging.markers import Marker

    try:
        text = run.files.read_text(LOCK, encoding="utf-8")
    except FileNotFoundError:
        return {}
    lines = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(?:;\s*([^\\\n]+))?", text, flags=re.MULTILINE)
    locked = {package: version for package, version, marker in lines if not marker or Marker(marker.strip()).evaluate()}
    return {
        package: f"{version} instead of {locked[package]}"
        for package, version in _versions().items()
        if package in locked and version.partition("+")[0] != locked[package].partition("+")[0]
    }


def write_certificate(certificate: JsonObject) -> None:
    """Writes `reports/certificate.json` and `reports/certificate.md`."""
    artifacts.write_json(JSON, certificate)
    artifacts.write_text(PAGE, certificate_page(certificate))


def certificate_page(certificate: JsonObject) -> str:
    """The certificate in Markdown."""
    counts = {state: count for state, count in certificate["counts"].items() if count}
    total = sum(counts.values())
    rows = [
        (
            one["path"],
            one["stage"],
            one["state"],
            "" if one["largest"] is None else "0" if one["largest"] == 0 else f"{one['largest']:.2g}",
            one["note"],
        )
        for one in certificate["artifacts"]
    ]
    facts, recorded = {**certificate["machine"], **certificate["software"]}, certificate["recorded_machine"]
    listed = ", ".join(f"{state}: {count}" for state, count in counts.items())
    parts = [
        "# Reproducibility certificate",
        f"Commit `{certificate['commit']}`, run again on {certificate['date']}. Of {total} artifacts: {listed}.",
        METHOD.format(tolerance=certificate["tolerance"]),
        "\n".join(f"* {escape(note)}" for note in certificate["notes"]),
        "## Artifacts",
        table(("Artifact", "Stage", "Result", "Largest difference", "Note"), rows),
        "## Stages",
        table(("Stage", "Seconds"), [(name, f"{seconds:.1f}") for name, seconds in certificate["stages"].items()]),
        f"Not run: {', '.join(certificate['not_run'])}." if certificate["not_run"] else "",
        "## Machine and software",
        f"{escape(describe_hardware(certificate))}.",
        table(
            ("What", "Here", "Original training"), [(key, text, recorded.get(key, "")) for key, text in facts.items()]
        ),
    ]
    if certificate["other_versions"]:
        listed = ", ".join(f"{escape(name)} {escape(text)}" for name, text in certificate["other_versions"].items())
        parts.append(f"Other versions than `{LOCK}` of the commit: {listed}.")
    return "\n\n".join(part for part in parts if part) + "\n"
