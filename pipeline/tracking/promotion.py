"""A version registered once, and the champion replaced where the gates say so."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core import artifacts
from pipeline.core.evaluation_contracts import Gate
from pipeline.core.nouns import CARD
from pipeline.core.policy import Policy
from pipeline.core.ranges import PositiveInt
from pipeline.core.results import evidence_to_json
from pipeline.core.terminal import note, warn
from pipeline.core.test_ledger import digest_samples
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.figures import build_gates, metrics_of_gates
from pipeline.evaluation.promotion_policy import decide_promotion
from pipeline.media.choice import media_of_card
from pipeline.media.encoded_example import encode_example
from pipeline.prediction.runtime_record import Runtime
from pipeline.prediction.served_folder import open_served
from pipeline.tracking import decisions, registry, runs
from pipeline.tracking.contest import gather_contest, measure_milliseconds
from pipeline.tracking.promotion_lock import lock_promotions
from pipeline.tracking.version_comparison import ComparisonOptions, compare_champion, compare_earlier_data

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params

RUNTIME_PAGE = "docs/prediction.md#a-model-that-onnx-runtime-computes"
MILLISECONDS = "milliseconds_per_picture"  # tag of a version; no report has a figure that differs from run to run


@dataclass(frozen=True, kw_only=True)
class Options:
    """Where versions go.

    Args:
        model_name: In the registry.
        max_test_readings: More different results than these, read from one test part, are a warning. The best of 25
            equal models looks better by 1.97 standard errors, which is all that a 95 % interval allows for.
        runtime: What computes the scores of a version on a processor. `onnx` is used where it decides as torch does for
            every test picture; else torch, and the card of the version says why. The budgets of the gates `latency` and
            `model_bytes` are those of torch, without `network.onnx`.
    """

    model_name: str
    max_test_readings: PositiveInt
    runtime: Runtime = "torch"

    def __post_init__(self) -> None:
        if not self.model_name or set(self.model_name) & set("/:"):
            raise ValueError(f"model_name must not be empty or hold '/' or ':', got {self.model_name!r}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Rules:
    """How a version is compared and decided about.

    Attributes:
        gates: By name.
        params: All parameters.
        comparison: For the comparison page.
    """

    gates: Mapping[str, Gate]
    params: Params
    comparison: ComparisonOptions

    @classmethod
    def of(cls, params: Params) -> Rules:
        """As `params.yaml` says."""
        return cls(gates=build_gates(params), params=params, comparison=ComparisonOptions.of(params))

    @property
    def needs_milliseconds(self) -> bool:
        """Whether a gate has a budget for the time of a picture."""
        return any(getattr(gate, "max_milliseconds", None) is not None for gate in self.gates.values())


def register_version(
    options: Options,
    run_id: str,
    key: str,
    rules: Rules,
    card: JsonObject,
    packed: PackedDataset,
    policy: Policy | None = None,
) -> JsonObject:
    """What was registered and why; the same result when the same results are registered again.

    The steps are: the version, its result (in MLflow), its line in `reports/promotions.jsonl`, the aliases, and a tag
    that says that all is done. Each can be repeated, so that a call after a crash goes on where the last one ended.
    """
    name = options.model_name
    with lock_promotions():
        decisions.complete(name)
        version = registry.find_version(name, key)
        result = registry.registration_of(name, version) if version else None
        if result is None or decisions.is_outdated(name, result):
            result = _decide(options, version, run_id, key, rules, card, packed, policy)
            registry.record_registration(name, result["version"], result)
        decisions.carry_out_registration(result)
    return result


def _decide(
    options: Options,
    version: str | None,
    run_id: str,
    key: str,
    rules: Rules,
    card: JsonObject,
    packed: PackedDataset,
    policy: Policy | None,
) -> JsonObject:
    """The result of a registration; it makes the version where there is none."""
    name = options.model_name
    champion = registry.champion(name)
    milliseconds = measure_milliseconds(packed) if rules.needs_milliseconds else None
    metrics = metrics_of_gates(rules.params, rules.gates, card["classes"])
    contest = gather_contest(name, champion, card, packed, rules.params, metrics, milliseconds)
    verdict = decide_promotion(rules.gates, contest)
    earlier = compare_earlier_data(name, run_id, card, rules.comparison)
    test_set = test_digest()
    uses = registry.num_versions_tested_on(name, test_set) + (version is None)
    if version is None:
        about = {
            registry.DATA_HASH: card["data_hash"],
            registry.COMMIT: runs.commit(),
            registry.TEST_SET: test_set,
            registry.NUM_BYTES: str(contest.challenger.num_bytes or ""),
        }
        of_test = np.flatnonzero(packed.index["split"] == "test")
        with (
            predictor_with_policy(artifacts.PREDICTOR, policy) as folder,
            open_served(folder, options.runtime, packed.images, of_test) as served,
        ):
            if served.problem:
                warn(f"register: {served.problem}, so torch computes this version")
                note(f"set register.runtime=torch, or read {RUNTIME_PAGE}")
            version = registry.create_version(name, run_id, key, served.folder, example_picture(packed), about)
    if milliseconds is not None:
        registry.tag_version(name, version, {MILLISECONDS: f"{milliseconds:.3g}"})
    return {
        "model": name,
        "version": version,
        "aliases": ["challenger", "champion"] if verdict.promote else ["challenger"],
        "champion_before": champion[0] if champion else None,
        "reasons": verdict.reasons + ([] if verdict.promote else [way_out(version)]),
        "evidence": evidence_to_json(verdict.evidence),
        "gates": [one.to_json() for one in verdict.gates],
        "test_set_uses": uses,
        "earlier_data": earlier,
        "against_champion": compare_champion(champion[0], contest, rules.comparison) if champion else None,
        "results_key": key,
    }


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


def way_out(version: str) -> str:
    """How a person promotes a version that the gate did not."""
    return f"to promote it all the same: colibri promote {version} --reason 'why'"


def test_digest() -> str:
    """Digest of the test samples; the more versions are evaluated on them, the more optimistic the best figure is."""
    table = artifacts.read_table(artifacts.PREDICTIONS)
    return digest_samples(table.loc[table["split"] == "test", "sample_id"])


def example_picture(packed: PackedDataset) -> bytes:
    """The first test sample, as it is stored, in a format that its codec reads."""
    first = int(np.flatnonzero(packed.index["split"] == "test")[0])
    return encode_example(media_of_card(packed.card), packed.images[first])
