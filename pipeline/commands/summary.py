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
    store, version = mask_credentials(tracking_uri()), f"version {registration['version']} of {registration['model']}"
    return [f"MLflow's store {store} has no {version}; dvc repro -f -s register registers it again"]


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
    unclear = [name for name, one in failed.items() if one.state == "cannot_be_judged"]
    last = f", {len(unclear)} cannot be judged" if unclear else ""
    result.append(f"Checks: {len(checks) - len(failed)} passed, {len(failed) - len(unclear)} warned{last}")
    for name, finding in failed.items():
        if name in unclear:
            result.append(f"  {name} cannot be judged: {finding.obstacle}")
            continue
        first = next(iter(finding.worst.items()), None)
        worst = f", first {first[0]}: {first[1]}" if first else ""
        value = "undefined" if finding.value is None else f"{finding.value:.4g}"
        result.append(f"  {name}: {value} {finding.unit}, at most {finding.limit:.4g} accepted{worst}")
    result += comparison_lines(registration.get("earlier_data"))
    aliases = " and ".join(registration["aliases"])
    result += [
        f"Model: {registration['model']} version {registration['version']}, {aliases} ({registration['reasons'][0]})",
        f"Test:   {_describe_uses(registration['test_set_uses'])}",
        f"Report: {artifacts.REPORT}",
        "Runs:   make ui, then open http://127.0.0.1:5000",
    ]
    return result


def _describe_uses(num_versions: int) -> str:
    versions = "1 version was" if num_versions == 1 else f"{num_versions} versions were"
    return f"{versions} evaluated on these pictures; choosing a version by them makes its figures too good"


def _figures(metrics: dict[str, Estimate], prefix: str) -> list[str]:
    """A line for each headline figure, then each caveat with the figures it holds for, or alone if it is for all."""
    headlines = {name: metrics[prefix + name] for name in HEADLINES if prefix + name in metrics}
    defined = {name: one for name, one in headlines.items() if one.value is not None}
    result = []
    names: dict[str, list[str]] = {}  # by caveat
    for name, figure in defined.items():
        interval = "" if figure.interval is None else "  [{:.3f}, {:.3f}]".format(*figure.interval)
        result.append(f"  {name:20s} {figure.value:.3f}{interval}")
        if figure.caveat:
            names.setdefault(figure.caveat, []).append(name)
    is_shared = len(names) == 1 and len(next(iter(names.values()))) == len(defined)
    return result + [f"  {'' if is_shared else ', '.join(of) + ': '}{caveat}" for caveat, of in names.items()]


def comparison_lines(earlier: JsonObject | None) -> list[str]:
    """The headline figures before and after, where there is a version of the earlier data."""
    if earlier is None:
        return []
    if "reason" in earlier:
        return [f"Not compared with version {earlier['version']} of the earlier data: {earlier['reason']}"]
    corrected = f"{earlier['num_relabelled']} corrected"
    where = f"on the {earlier['n']} test pictures of both, by the labels of today ({corrected})"
    result = [f"Against version {earlier['version']} of the earlier data, {where}; more in {artifacts.COMPARISON}:"]
    for name in HEADLINES:
        if name not in earlier["metrics"]:
            continue
        change = Change.from_json(earlier["metrics"][name])
        if change.gain.value is not None:
            interval = "" if change.gain.interval is None else "  [{:+.3f}, {:+.3f}]".format(*change.gain.interval)
            gain = f"{change.before:.3f} -> {change.after:.3f}, better by {change.gain.value:+.3f}"
            result.append(f"  {name:20s} {gain}{interval}")
    return result
