"""The headline figures of the last run, what the checks warned about, and where to look next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.estimate import Change, Estimate, read_estimates
from pipeline.core.results import StoredFinding, read_findings
from pipeline.core.terminal import say
from pipeline.core.uris import mask_credentials
from pipeline.evaluation.margin_text import BEYOND, CROSS, describe_margin
from pipeline.tracking import registry
from pipeline.tracking.connection import tracking_uri

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

HEADLINES = ("accuracy", "balanced_accuracy", "f1_macro", "f1_micro", "auroc_macro", "hamming_loss")


def main() -> None:
    metrics = read_estimates(artifacts.TEST_METRICS)
    checks = read_findings(artifacts.CHECKS) | read_findings(artifacts.CURATION)
    registration = artifacts.read_json(artifacts.REGISTRATION)
    say(*lines(metrics, checks, registration), *missing(registration))


def missing(registration: JsonObject) -> list[str]:
    """A line with the remedy where MLflow's store does not have the version (it was deleted, or made elsewhere)."""
    if registry.is_registered(registration["model"], registration["version"]) is not False:
        return []
    store, one = mask_credentials(tracking_uri()), f"version {registration['version']} of {registration['model']}"
    return [f"MLflow's store {store} has no {one}; dvc repro -f -s register registers it again"]


def lines(metrics: dict[str, Estimate], checks: dict[str, StoredFinding], registration: JsonObject) -> list[str]:
    n = metrics["accuracy"].n if "accuracy" in metrics else "?"
    result = ["", f"On {n} test pictures (95 % interval over groups):"]
    result += _figures(metrics, "")
    above = describe_margin(metrics.get(BEYOND))
    result += [f"  {above}"] if above else []
    crossed = _figures(metrics, CROSS)
    if crossed:
        result += ["Frozen features with a linear classifier, out of fold, over the groups of all splits:", *crossed]
        above = describe_margin(metrics.get(CROSS + BEYOND))
        result += [f"  {above}"] if above else []
    failed = {name: one for name, one in checks.items() if not one.passed}
    blind = [name for name, one in failed.items() if one.state == "cannot_be_judged"]
    unclear = f", {len(blind)} cannot be judged" if blind else ""
    result.append(f"Checks: {len(checks) - len(failed)} passed, {len(failed) - len(blind)} warned{unclear}")
    for name, one in failed.items():
        if name in blind:
            result.append(f"  {name} cannot be judged: {one.obstacle}")
            continue
        first = next(iter(one.worst.items()), None)
        worst = f", first {first[0]}: {first[1]}" if first else ""
        value = "undefined" if one.value is None else f"{one.value:.4g}"
        result.append(f"  {name}: {value} {one.unit}, at most {one.limit:.4g} accepted{worst}")
    result += comparison_lines(registration.get("earlier_data"))
    aliases = " and ".join(registration["aliases"])
    result += [
        f"Model: {registration['model']} version {registration['version']}, {aliases} ({registration['reasons'][0]})",
        f"Test:   these pictures have judged {registration['test_set_uses']} versions; choosing by them flatters them",
        f"Report: {artifacts.REPORT}",
        "Runs:   make ui, then open http://127.0.0.1:5000",
    ]
    return result


def _figures(metrics: dict[str, Estimate], prefix: str) -> list[str]:
    """A line each, and the caveat below; one that all share stands once."""
    there = {name: metrics[prefix + name] for name in HEADLINES if prefix + name in metrics}
    found = {name: one for name, one in there.items() if one.value is not None}
    result = []
    for name, one in found.items():
        interval = "" if one.interval is None else "  [{:.3f}, {:.3f}]".format(*one.interval)
        result.append(f"  {name:20s} {one.value:.3f}{interval}")
    names: dict[str, list[str]] = {}
    for name, one in found.items():
        if one.caveat:
            names.setdefault(one.caveat, []).append(name)
    said_once = len(names) == 1 and len(next(iter(names.values()))) == len(found)
    return result + [f"  {'' if said_once else ', '.join(of) + ': '}{text}" for text, of in names.items()]


def comparison_lines(earlier: JsonObject | None) -> list[str]:
    """The headline figures before and after, where there is a version made of the data before."""
    if earlier is None:
        return []
    if "reason" in earlier:
        return [f"Not compared with version {earlier['version']}, made of the data before: {earlier['reason']}"]
    corrected = f"{earlier['num_relabelled']} corrected"
    where = f"on the {earlier['n']} test pictures of both, by the labels of today ({corrected})"
    result = [
        f"Against version {earlier['version']}, made of the data before, {where}; more in {artifacts.COMPARISON}:"
    ]
    for name in HEADLINES:
        if name not in earlier["metrics"]:
            continue
        one = Change.from_json(earlier["metrics"][name])
        if one.gain.value is not None:
            interval = "" if one.gain.interval is None else "  [{:+.3f}, {:+.3f}]".format(*one.gain.interval)
            gain = f"{one.before:.3f} -> {one.after:.3f}, better by {one.gain.value:+.3f}"
            result.append(f"  {name:20s} {gain}{interval}")
    return result
