"""A version against that of the earlier data, and against the champion, for the comparison page."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts, config
from pipeline.core.evaluation_contracts import Metric
from pipeline.evaluation.paired_comparison import PairedPredictions, load_test_predictions
from pipeline.evaluation.part_comparison import compare_parts
from pipeline.evaluation.split_evaluation import Options as EvaluateOptions
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.tracking import registry, runs

if TYPE_CHECKING:
    from pipeline.core.evaluation_contracts import Contest
    from pipeline.core.open_types import JsonObject, Params


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparisonOptions:
    """How two versions are compared: metrics of one number each, the bootstrap behind the intervals, smallest slice."""

    metrics: dict[str, Metric]
    bootstrap: Bootstrap
    min_slice: int

    @classmethod
    def of(cls, params: Params) -> ComparisonOptions:
        """As `evaluate` measures one version."""
        metrics = config.build_all(params, "metric")
        single_numbers = {name: metric for name, metric in metrics.items() if not metric.per_class}
        options = EvaluateOptions.of(params)
        return cls(metrics=single_numbers, bootstrap=options.bootstrap, min_slice=options.min_slice)


def compare_earlier_data(name: str, run_id: str, card: JsonObject, comparison: ComparisonOptions) -> JsonObject | None:
    """A comparison of this version with one of the earlier data; None where there is none.

    Of the versions of these data the one whose choices differ least is compared (the newest of several), so that the
    data are the main difference. Both are evaluated on the test samples that both had, with the labels of today, so
    that a corrected label counts for both.
    """
    candidates = registry.earlier_data(name, card["data_hash"])
    if not candidates:
        return None
    choices = [runs.differing_params(run_id, their_run) for _, their_run, _ in candidates]
    least = min(range(len(candidates)), key=lambda position: len(choices[position]))
    version, their_run, tags = candidates[least]
    about = {"version": version, **{tag: tags.get(tag, "") for tag in (registry.DATA_HASH, registry.COMMIT)}}
    with tempfile.TemporaryDirectory() as folder:
        theirs = registry.predictions_of(their_run, Path(folder))
        if artifacts.read_metadata(theirs).get("classes") != card["classes"]:
            return {**about, "reason": "it has other classes"}
        later, earlier = (
            load_test_predictions(artifacts.PREDICTIONS, card["classes"]),
            load_test_predictions(theirs, card["classes"]),
        )
    both = PairedPredictions.match(later, earlier)
    if both is not None and not both.later.targets.any():
        return {**about, "reason": "no label says what is right"}
    if both is None:
        return {**about, "reason": "no test picture is common to both"}
    changes = both.paired_differences(comparison.metrics, comparison.bootstrap)
    return {
        **about,
        "n": len(both),
        "num_relabelled": both.num_relabelled,
        "num_left": len(earlier) - len(both),
        "num_new": len(later) - len(both),
        "other_choices": choices[least],
        "metrics": {name: change.to_json() for name, change in changes.items()},
    }


def compare_champion(version: str, contest: Contest, comparison: ComparisonOptions) -> JsonObject | None:
    """The challenger against the champion: on all test samples of both, on each class and on each slice.

    Args:
        version: Of the champion.
        contest: The two models.
        comparison: How they are compared.

    Returns:
        As `reports/registration.json` holds it; None where there is no champion.
    """
    if contest.champion is None:
        return None
    ours, theirs = contest.challenger.predictions, contest.champion.predictions
    if not set(ours.classes) & set(theirs.classes):
        return {"version": version, "reason": "no class is common to both"}
    both = PairedPredictions.match(ours, theirs)
    if both is None:
        return {"version": version, "reason": "no test picture is common to both"}
    if not both.later.targets.any():
        return {"version": version, "reason": "no label says what is right: the gate same_clusters compares clusters"}
    parts = compare_parts(both, contest.attributes, comparison.bootstrap, comparison.min_slice)
    return {"version": version, "n": len(both), "parts": [one.to_json() for one in parts]}
