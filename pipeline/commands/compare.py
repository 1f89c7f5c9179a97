"""Compares two runs on the same pictures: parameters, metrics with paired intervals, every class and every slice.

A run is an experiment (dvc exp list), a commit, a tag, or `workspace`, the files as they are now; or a registered
version: 3 or @champion of this project, NAME/3, NAME@champion or models:/NAME/3. Without names the workspace is
compared with the last commit. Choose by val: the more often test decides, the less its figures are worth, so that each
look at test is counted (colibri summary), and --val leaves test alone.

Examples:
  colibri compare                            the last commit and the workspace
  colibri compare leafy-rues                 an experiment and the workspace
  colibri compare leafy-rues sandy-moth      two experiments
  colibri compare leafy-rues --val           by val alone
  colibri compare @champion                  the champion and the workspace
  colibri compare 2 3                        two registered versions
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pipeline.core import test_ledger
from pipeline.core.terminal import say, truncate

if TYPE_CHECKING:
    from pipeline.core.estimate import Change
    from pipeline.core.evaluation_contracts import Metric
    from pipeline.experiments.comparison import ComparedRun

MAX_DIFFERENCES = 12
HEADLINES = ("accuracy", "balanced_accuracy", "f1_macro", "f1_micro", "auroc_macro", "hamming_loss")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "before", metavar="A", nargs="?", default="HEAD", help="the run to compare with (default: HEAD)"
    )
    parser.add_argument(
        "after",
        metavar="B",
        nargs="?",
        default="workspace",
        help="the other one (default: workspace, the files as now)",
    )
    parser.add_argument(
        "--all", action="store_true", dest="every", help="every metric, class and slice, not only the first ones"
    )
    parser.add_argument("--val", action="store_true", dest="by_val", help="val alone: test is neither read nor counted")


def main(before: str, after: str, every: bool = False, by_val: bool = False) -> None:
    from pipeline.core import config
    from pipeline.core.choices import refuse_without_labels
    from pipeline.evaluation.split_evaluation import Options
    from pipeline.experiments.comparison import PARTS, compare_runs, read_run
    from pipeline.report.part_text import describe_parts

    first, second = read_run(before), read_run(after)
    for params in (first.params, second.params):
        refuse_without_labels(params, "compare")
    metrics: dict[str, Metric] = {
        name: metric for name, metric in config.build_all(second.params, "metric").items() if not metric.per_class
    }
    if not every and any(name in HEADLINES for name in metrics):
        metrics = {name: metric for name, metric in metrics.items() if name in HEADLINES}
    wanted = PARTS[:1] if by_val else PARTS
    parts = compare_runs(first, second, metrics, Options.of(second.params), wanted)
    if "test" in parts:
        pairs = parts["test"].pairs
        test_ledger.record(test_ledger.Reading.of([pairs.earlier, pairs.later], "compare", f"{before} and {after}"))
    say(*describe_differences(first, second))
    for part, found in parts.items():
        advice = "choose by these" if part == "val" else "to report, not to choose by"
        say("", f"On the {len(found.pairs):,} {part} pictures of both ({advice}):", *describe_changes(found.changes))
        say(*(f"  {line}" for line in describe_parts(found.by_part, "A", "B", every)))
    for part in wanted:
        if part not in parts:
            say("", f"No {part} picture is in both, so nothing is compared on {part}.")


def describe_differences(before: ComparedRun, after: ComparedRun) -> Iterator[str]:
    """What differs between both: parameters, training samples and the size of the model."""
    from pipeline.experiments.comparison import list_differences

    differences = list_differences(before.params, after.params)
    number = "1 parameter differs" if len(differences) == 1 else f"{len(differences) or 'no'} parameters differ"
    yield f"A = {before.name}, B = {after.name}; {number}"
    for key, values in [*differences.items()][:MAX_DIFFERENCES]:
        yield f"  {key}: {' -> '.join(map(truncate, values))}"
    if len(differences) > MAX_DIFFERENCES:
        yield f"  ... and {len(differences) - MAX_DIFFERENCES} more"
    counts = [one.card.get("num_samples", {}).get("train") for one in (before, after)]
    if counts[0] != counts[1]:
        yield f"  pictures to train on: {counts[0]} -> {counts[1]}"
    yield f"  model: {before.num_bytes / 1e6:.1f} MB -> {after.num_bytes / 1e6:.1f} MB"


def describe_changes(changes: Mapping[str, Change]) -> Iterator[str]:
    """A table: the metric of A and of B, the gain with its interval, and what that shows."""
    width = max(map(len, changes), default=0)
    yield f"  {'':{width}} {'A':>7} {'B':>7} {'gain of B':>9}  95 % interval"
    for name, change in changes.items():
        if change.before is None or change.after is None or change.gain.value is None:
            yield f"  {name:{width}} undefined on these pictures"
            continue
        shown = "no interval" if change.gain.interval is None else "[{:+z.3f}, {:+z.3f}]".format(*change.gain.interval)
        yield (
            f"  {name:{width}} {change.before:7.3f} {change.after:7.3f} {change.gain.value:+9.3f}  {shown:16}  "
            f"{describe_evidence(change)}"
        ).rstrip()
    for caveat in sorted({change.gain.caveat for change in changes.values() if change.gain.caveat}):
        yield f"  {caveat}"


def describe_evidence(change: Change) -> str:
    """What the interval of a gain shows."""
    low, high = change.gain.low, change.gain.high
    if low is None or high is None:
        return "too few pictures to say"
    return "B is better" if low > 0 else "A is better" if high < 0 else "no difference shown"
