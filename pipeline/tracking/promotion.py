"""A version registered once, and the champion replaced where the gate says so."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.estimate import read_estimates
from pipeline.core.evaluation_contracts import Gate, Metric
from pipeline.core.nouns import CARD
from pipeline.core.policy import Policy
from pipeline.core.ranges import PositiveInt
from pipeline.core.results import Verdict, read_findings
from pipeline.core.test_ledger import digest_samples
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.margin_text import BEYOND, describe_margin, is_significantly_worse
from pipeline.evaluation.paired_comparison import PairedPredictions, load_test_predictions
from pipeline.evaluation.part_comparison import compare_parts
from pipeline.evaluation.split_evaluation import Options as EvaluateOptions
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.tracking import registry, runs

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params

LEAKAGE = "split_leakage"  # the check without which no figure of test counts
DONE_TAG = "colibri.registered"  # written when the aliases have moved, which the recorded verdict precedes


@dataclass(frozen=True, kw_only=True)
class Options:
    """Where versions go.

    Args:
        model_name: In the registry.
        below_baseline: `refuse` to promote a model that does worse than the properties of the pictures alone, or
            `warn`, for data whose shortcut is known and remedied: a model that ignores it need not beat it.
        max_test_readings: More different results than these, read from one test part, are a warning. The best of 25
            equal models looks better by 1.97 standard errors, which is all that a 95 % interval allows for.
    """

    model_name: str
    below_baseline: Literal["refuse", "warn"]
    max_test_readings: PositiveInt

    def __post_init__(self) -> None:
        if not self.model_name or set(self.model_name) & set("/:"):
            raise ValueError(f"model_name must not be empty or hold '/' or ':', got {self.model_name!r}")


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


def register_version(
    options: Options,
    run_id: str,
    key: str,
    gate: Gate,
    card: JsonObject,
    packed: PackedDataset,
    comparison: ComparisonOptions,
    policy: Policy | None = None,
) -> JsonObject:
    """What was registered and why; the same result when the same results are registered again."""
    name = options.model_name
    version = registry.find_version(name, key)
    tags = registry.version_tags(name, version) if version else {}
    result = registry.registration_of(name, version) if version else None
    if result is None:
        champion = registry.champion(name)
        verdict = with_baseline_margin(
            apply_gate(gate, card["classes"], champion[1] if champion else None), options.below_baseline
        )
        earlier = compare_earlier_data(name, run_id, card, comparison)
        against = None if champion is None else compare_champion(*champion, card["classes"], comparison)
        test_set = test_digest()
        uses = registry.num_versions_tested_on(name, test_set) + (version is None)
        if version is None:
            about = {
                registry.DATA_HASH: card["data_hash"],
                registry.COMMIT: runs.commit(),
                registry.TEST_SET: test_set,
            }
            with predictor_with_policy(artifacts.PREDICTOR, policy) as folder:
                version = registry.create_version(name, run_id, key, folder, example_picture(packed), about)
        result = {
            "model": name,
            "version": version,
            "aliases": ["challenger", "champion"] if verdict.promote else ["challenger"],
            "champion_before": champion[0] if champion else None,
            "reasons": verdict.reasons + ([] if verdict.promote else [way_out(version)]),
            "evidence": verdict.evidence_to_json(),
            "test_set_uses": uses,
            "earlier_data": earlier,
            "against_champion": against,
            "results_key": key,
        }
        registry.record_registration(name, version, result)
    if DONE_TAG not in tags:  # an interrupted attempt goes on from the recorded verdict; a finished one moves nothing
        for alias in result["aliases"]:
            registry.set_alias(name, alias, result["version"])
        registry.tag_version(name, result["version"], {DONE_TAG: "true"})
    return result


@contextmanager
def predictor_with_policy(predictor: Path, policy: Policy | None) -> Iterator[Path]:
    """A folder with the weights of a predictor and its card, which holds the policy; the folder itself without one.

    So a registered model is one thing, and whoever loads it decides as `evaluate` did.
    """
    if policy is None:
        yield predictor
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / predictor.name
        shutil.copytree(predictor, copy)
        card = artifacts.read_json(predictor / CARD)
        artifacts.write_json(copy / CARD, {**card, "policy": policy.to_json()})
        if policy.out_of_distribution is not None:
            shutil.copy(predictor.with_name(artifacts.REFERENCE.name), copy)
        yield copy


def promote_by_hand(name: str, version: str, reason: str) -> tuple[str | None, str]:
    """Makes a version champion; returns the champion before, if any, and the first reason of the gate's verdict.

    The reason is written before the alias moves, so that an interrupted call leaves no champion without one; the same
    call again completes it.

    Args:
        name: Of the registered model.
        version: One of its versions.
        reason: Of the person, on one line.

    Raises:
        UserError: The store has no such version, or its registration was interrupted.
    """
    known = registry.list_versions(name)
    if version not in known:
        found = f"it has {', '.join(known)}" if known else "it has none; colibri run registers one"
        raise UserError(f"{name} has no version {version} in MLflow's store; {found}")
    tags = registry.version_tags(name, version)
    registration = registry.registration_of(name, version)
    if registration is not None and DONE_TAG not in tags:
        raise UserError(f"the registration of {name} version {version} was interrupted; colibri run completes it")
    champion = registry.champion(name)
    before = champion[0] if champion else None
    earlier = json.loads(tags.get(registry.PROMOTION_TAG, "{}"))
    replaced = earlier.get("champion_before") if before == version else before
    registry.record_promotion(name, version, reason, replaced)
    registry.set_alias(name, "champion", version)
    return before, next(iter((registration or {}).get("reasons", [])), "")


def way_out(version: str) -> str:
    """How a person promotes a version that the gate did not."""
    return f"to promote it all the same: colibri promote {version} --reason 'why'"


def test_digest() -> str:
    """Digest of the test samples; the more versions are evaluated on them, the more optimistic the best figure is."""
    table = artifacts.read_table(artifacts.PREDICTIONS)
    return digest_samples(table.loc[table["split"] == "test", "sample_id"])


def apply_gate(gate: Gate, classes: list[str], champion_run: str | None) -> Verdict:
    """The gate's verdict on the test predictions of both; a test split that leaks is refused without the gate."""
    leakage = read_findings(artifacts.CHECKS).get(LEAKAGE)
    if leakage is not None and not leakage.passed:
        if leakage.state == "cannot_be_judged":
            return Verdict(False, [f"whether its test figures leak cannot be judged: {leakage.obstacle}"])
        found = "an undefined number of" if leakage.value is None else f"{leakage.value:.0f}"
        return Verdict(False, [f"its test figures leak: {found} {leakage.unit}"])
    ours = load_test_predictions(artifacts.PREDICTIONS, classes)
    if champion_run is None:
        return gate(ours, None)
    with tempfile.TemporaryDirectory() as folder:
        theirs = registry.predictions_of(champion_run, Path(folder))
        before = artifacts.read_metadata(theirs).get("classes") or classes
        return gate(ours, load_test_predictions(theirs, before))


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


def compare_champion(version: str, run_id: str, classes: list[str], comparison: ComparisonOptions) -> JsonObject:
    """This version against the champion before it: on all test samples of both, on each class and on each slice."""
    later = load_test_predictions(artifacts.PREDICTIONS, classes)
    with tempfile.TemporaryDirectory() as folder:
        theirs = registry.predictions_of(run_id, Path(folder))
        before = artifacts.read_metadata(theirs).get("classes") or classes
        both = PairedPredictions.match(later, load_test_predictions(theirs, before))
    if both is None:
        return {"version": version, "reason": "no test picture is common to both"}
    rows = artifacts.read_table(artifacts.PREDICTIONS)
    parts = compare_parts(both, rows, comparison.bootstrap, comparison.min_slice)
    return {"version": version, "n": len(both), "parts": [one.to_json() for one in parts]}


def with_baseline_margin(verdict: Verdict, below: Literal["refuse", "warn"]) -> Verdict:
    """The verdict with the margin over a forest on the properties alone; refused where the margin is below 0.

    A margin whose interval holds 0 is accepted: the forest is near 1 where a property gives the label away, and few
    test pictures leave wide intervals.
    """
    margin = read_estimates(artifacts.TEST_METRICS).get(BEYOND)
    sentence = describe_margin(margin)
    if margin is None or not sentence:
        return verdict
    evidence = {**verdict.evidence, BEYOND: margin}
    if verdict.promote and below == "refuse" and is_significantly_worse(margin):
        way_out = "where that shortcut is known and remedied, set register.below_baseline to warn"
        return Verdict(False, [f"{sentence}; {way_out}"], evidence)
    return Verdict(verdict.promote, [*verdict.reasons, sentence], evidence)


def example_picture(packed: PackedDataset) -> bytes:
    """The first test picture, as PNG."""
    image = packed.picture(int(np.flatnonzero(packed.index["split"] == "test")[0]))
    buffer = io.BytesIO()
    Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(buffer, format="PNG")
    return buffer.getvalue()
