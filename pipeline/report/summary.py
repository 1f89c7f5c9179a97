"""The summary of a run in a few lines: figures, what the checks found, the model, and where to look next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.core import artifacts, durations
from pipeline.core.estimate import Change, Estimate, read_estimates
from pipeline.core.finding_text import count_states, describe_failure, ways_out
from pipeline.core.progress import duration
from pipeline.core.results import StoredFinding, read_findings
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of, truncate
from pipeline.evaluation.curve_text import describe_curve
from pipeline.evaluation.gates.stable_clusters import STABILITY
from pipeline.evaluation.margin_text import BEYOND, CROSS, describe_margin
from pipeline.media.choice import media_of_card
from pipeline.report.test_uses import describe_uses, read_limit, read_uses

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

OF_CLUSTERS = ("matched_accuracy", "normalised_mutual_information", "adjusted_rand", "purity")
HEADLINES = ("accuracy", "balanced_accuracy", "f1_macro", "f1_micro", "auroc_macro", "hamming_loss", *OF_CLUSTERS)
PAGES = {"check": (artifacts.CHECKS, artifacts.CHECKS_PAGE), "curate": (artifacts.CURATION, artifacts.CURATION_PAGE)}
RECALL = "recall/"
MAX_CLASSES = 6  # named with their recall; of more only the lowest
CARD = artifacts.PREDICTOR / "card.json"


def read_summary() -> list[str]:
    """The lines about the last run that came to its end, from its artifacts."""
    metrics = read_estimates(artifacts.TEST_METRICS)
    checks = read_findings(artifacts.CHECKS) | read_findings(artifacts.CURATION)
    registration = artifacts.read_json(artifacts.REGISTRATION)
    card = artifacts.read_json(CARD) if CARD.exists() else {}
    name, noun = str(card.get("source", "")), noun_of(media_of_card(card.get("packing") or {}))
    test = describe_uses(registration["test_set_uses"], read_uses(), read_limit(), noun)
    return summary_lines(name, metrics, checks, registration, test, durations.read_durations(name), noun)


def stopped_lines() -> list[str]:
    """Which check stopped the run after it had measured, and the two ways out; empty where none did."""
    for stage, (file, page) in PAGES.items():
        findings = read_findings(file) if file.exists() else {}
        for name, one in findings.items():
            if not one.passed and one.on_fail == "error":
                return [f"{stage}: stopped by {name}{describe_failure(one)}", *ways_out(stage, name, one, page)]
    return []


def describe_test(metrics: dict[str, Estimate], n: int, noun: str = "picture") -> str:
    """The leading figure with its interval, and the number of test samples, each called `noun`."""
    samples = count_of(n, f"test {noun}")
    leading = next((one for one in HEADLINES if one in metrics and metrics[one].value is not None), None)
    if leading is None:
        return samples
    interval = "" if metrics[leading].interval is None else " [{:.3f}, {:.3f}]".format(*metrics[leading].interval or ())
    return f"{leading.replace('_', ' ')} {metrics[leading].value:.3f}{interval} on {samples}"


def summary_lines(
    name: str,
    metrics: dict[str, Estimate],
    checks: dict[str, StoredFinding],
    registration: JsonObject,
    test: list[str],
    seconds: dict[str, float],
    noun: str = "picture",
) -> list[str]:
    """All lines.

    Args:
        name: Of the data set; empty where it is not known.
        metrics: `reports/test_metrics.json`.
        checks: `reports/checks.json` and `reports/curation.json`.
        registration: `reports/registration.json`.
        test: How often the test part was read.
        seconds: Stage to how long it last took.
        noun: What a sample is called.
    """
    first = next((metrics[one] for one in ("accuracy", OF_CLUSTERS[0]) if one in metrics), None)
    of = f" of {name}" if name else ""
    result = ["", f"On {'?' if first is None else first.n} test {noun}s{of} (95 % interval over groups):"]
    result += _figures(metrics, "")
    if STABILITY in metrics:
        result = result if first else ["", f"No test {noun}{of} has a label to compare the clusters with."]
        result.append(f"  halves of the {noun}s agree on the clusters by {metrics[STABILITY].value:.3f} (1: the same)")
    result += _recalls(metrics)
    above = describe_margin(metrics.get(BEYOND), noun=noun)
    result += [f"  {above}"] if above else []
    crossed = _figures(metrics, CROSS)
    if crossed:
        result += ["Frozen features with a linear classifier, out of fold, over the groups of all splits:", *crossed]
        above = describe_margin(metrics.get(CROSS + BEYOND), noun=noun)
        result += [f"  {above}"] if above else []
        more = describe_curve(metrics, noun)
        result += [f"  {more}"] if more else []
    result.append(f"Checks: {count_states(checks)}; more in {artifacts.CHECKS_PAGE} and {artifacts.CURATION_PAGE}")
    result += [f"  {check}{describe_failure(one)}" for check, one in checks.items() if not one.passed]
    result += comparison_lines(registration.get("earlier_data"), noun)
    aliases = " and ".join(registration["aliases"])
    return [
        *result,
        f"Model:  {registration['model']} version {registration['version']}, {aliases} ({registration['reasons'][0]})",
        *(f"{'' if number else 'Test:':8s}{line}" for number, line in enumerate(test)),
        *_describe_time(seconds),
        f"Report: {artifacts.REPORT}",
        "Next:   colibri report opens the pages, colibri ui all runs and models",
    ]


def _describe_time(seconds: dict[str, float]) -> list[str]:
    if not seconds:
        return []
    longest = max(seconds, key=lambda stage: seconds[stage])
    total = f"{duration(sum(seconds.values()))} for {count_of(len(seconds), 'stage')}, each as it last ran"
    return [f"Time:   {total}; the longest is {longest}, {duration(seconds[longest])}"]


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


def _recalls(metrics: dict[str, Estimate]) -> list[str]:
    """One line with the share found of each class; of many classes only the lowest."""
    known = {key.removeprefix(RECALL): one for key, one in metrics.items() if key.startswith(RECALL)}
    values = {name: one.value for name, one in known.items() if one.value is not None}
    if not values:
        return []
    lowest = sorted(values, key=lambda name: values[name])[:MAX_CLASSES]
    shown = [name for name in values if name in lowest] if len(values) <= MAX_CLASSES else lowest
    which = "recall" if len(values) <= MAX_CLASSES else f"lowest of {len(values)} recalls"
    return [f"  {which:20s} " + ", ".join(f"{truncate(name, 24)} {values[name]:.3f}" for name in shown)]


def comparison_lines(earlier: JsonObject | None, noun: str = "picture") -> list[str]:
    """The headline figures before and after, where there is a version of the earlier data."""
    if earlier is None:
        return []
    if "reason" in earlier:
        return [f"Not compared with version {earlier['version']} of the earlier data: {earlier['reason']}"]
    corrected = f"{earlier['num_relabelled']} corrected"
    where = f"on the {earlier['n']} test {noun}s of both, by the current labels ({corrected})"
    result = [f"Against version {earlier['version']} of the earlier data, {where}; more in {artifacts.COMPARISON}:"]
    for name in HEADLINES:
        if name not in earlier["metrics"]:
            continue
        change = Change.from_json(earlier["metrics"][name])
        if change.gain.value is not None:
            result.append(f"  {name:20s} {change.before:.3f} -> {change.after:.3f}, {_describe_gain(change.gain)}")
    return result


def _describe_gain(gain: Estimate) -> str:
    """The gain with its interval and what that shows; positive is better."""
    if gain.interval is None:
        return f"{gain.value:+z.3f}, without an interval"
    low, high = gain.interval
    verdict = "better" if low > 0 else "worse" if high < 0 else "no change shown"
    return f"{gain.value:+z.3f} [{low:+z.3f}, {high:+z.3f}]: {verdict}"
