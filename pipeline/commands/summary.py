"""The headline figures of the last run, what the checks warned about, and where to look next."""

from __future__ import annotations

from typing import Any

from pipeline.core import files

HEADLINES = ("accuracy", "balanced_accuracy", "f1_macro", "f1_micro", "auroc_macro", "hamming_loss")


def main() -> None:
    metrics, checks = files.read_json(files.METRICS), files.read_json(files.CHECKS) | files.read_json(files.CURATION)
    registration = files.read_json(files.REGISTRATION)
    print("\n".join(lines(metrics, checks, registration)))


def lines(metrics: dict[str, Any], checks: dict[str, Any], registration: dict[str, Any]) -> list[str]:
    n = metrics["accuracy"]["n"] if "accuracy" in metrics else "?"
    result = ["", f"On {n} test pictures (95 % interval, whole groups resampled):"]
    for prefix, note in (("", ""), ("beside/", "  with groups kept apart")):
        for name in HEADLINES:
            entry = metrics.get(prefix + name)
            if entry and entry["value"] is not None:
                interval = "" if entry["low"] is None else f"  [{entry['low']:.3f}, {entry['high']:.3f}]"
                result.append(f"  {name:20s} {entry['value']:.3f}{interval}{note}")
    failed = {name: entry for name, entry in checks.items() if not entry["passed"]}
    result.append(f"Checks: {len(checks) - len(failed)} passed, {len(failed)} warned")
    for name, entry in failed.items():
        first = next(iter(entry["worst"].items()), None)
        worst = f", first {first[0]}: {first[1]}" if first else ""
        value = "undefined" if entry["value"] is None else f"{entry['value']:.4g}"
        result.append(f"  {name}: {value} {entry['unit']}, at most {entry['limit']:.4g} accepted{worst}")
    aliases = " and ".join(registration["aliases"])
    result += [
        f"Model: {registration['model']} version {registration['version']}, {aliases} ({registration['reasons'][0]})",
        f"Report: {files.REPORT}",
        "Runs:   make ui, then open http://127.0.0.1:5000",
    ]
    return result
