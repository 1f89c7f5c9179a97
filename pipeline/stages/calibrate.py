"""The predictor on val to a policy: calibrated scores, decisions, abstention, sets, and the distance from train."""

from __future__ import annotations

import numpy as np

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.evaluation_contracts import Aim
from pipeline.core.feature_reference import build_distance, write_tensors
from pipeline.core.policy import Policy
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.split_evaluation import score_samples
from pipeline.training.feature_reference_fit import fit_reference, flag_far
from pipeline.training.model_card import load_predictor
from pipeline.training.policy_fit import Options, fit_policy


def main() -> list[str]:
    params = config.load_params()
    options: Options = config.instantiate(Options, config.get_section(params, "policy"), "policy")
    aim: Aim = config.build(config.get_section(params, "aim"), "aim")
    distance = build_distance(config.get_section(params, "feature_distance"), "feature_distance")
    packed = PackedDataset.load()
    predictor, card = load_predictor(artifacts.PREDICTOR)
    reference = fit_reference(options, distance, predictor, packed)
    rows = packed.index[packed.index["split"] == "val"]
    groups = rows["group"].to_numpy(dtype=str)
    targets = predictor.task.targets(rows["labels"].tolist(), packed.classes)
    scores, distances = score_samples(predictor, packed, rows, reference)
    policy = fit_policy(
        options, aim, targets, scores, groups, list(card["classes"]), predictor.task.exclusive, card["training_key"]
    )
    policy = flag_far(options, policy, reference, distances, groups)
    artifacts.write_json(artifacts.POLICY, policy.to_json())
    write_tensors(artifacts.REFERENCE, reference.fitted if reference and policy.out_of_distribution else {})
    return [describe(policy), *policy.notes]


def describe(policy: Policy) -> str:
    """One line: the temperature, and whether there are thresholds and prediction sets."""
    low, high = min(policy.temperatures), max(policy.temperatures)
    temperature = f"temperature {low:.2f}" if np.isclose(low, high) else f"temperatures {low:.2f} to {high:.2f}"
    rule = policy.rule
    decided = "by costs" if rule.costs is not None else "by thresholds of val" if rule.thresholds else "as trained"
    sets = "no prediction sets" if policy.set_thresholds is None else f"prediction sets for {100 * policy.coverage:g} %"
    return f"{temperature}, decisions {decided}, {sets}, from {policy.num_samples:,} val pictures"


if __name__ == "__main__":
    stage_runner.run("calibrate", main)
