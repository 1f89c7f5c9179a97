"""What decisions by costs cost on test, and what the class with the highest score would have cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.evaluation.policy_figures import PolicyMaterial, estimate_difference, estimate_mean
from pipeline.statistics.bootstrap import Bootstrap

MEAN_COST, COST_OF_HIGHEST, COST_SAVING = "mean_cost", "mean_cost_of_highest_score", "mean_cost_saving"


def cost_figures(material: PolicyMaterial, bootstrap: Bootstrap) -> dict[str, Estimate]:
    """Mean cost of a picture of test, in the unit of the costs; empty where the policy has no costs.

    `mean_cost` of the decisions, `mean_cost_of_highest_score` of the class with the highest score, and
    `mean_cost_saving`, by how much the first is lower on the same pictures.
    """
    if material.policy.rule.costs is None:
        return {}
    costs, test = np.array(material.policy.rule.costs), material.test
    truth, everything = test.targets.argmax(axis=1), np.ones(len(test), dtype=bool)
    largest = max(float(costs.max()), 1.0)  # the intervals are of numbers from 0 to 1
    decided, highest = (costs[truth, one.argmax(axis=1)] / largest for one in (test.decided, test.scores))
    saving = highest - decided
    found = {
        MEAN_COST: estimate_mean(decided, everything, test.groups, bootstrap),
        COST_OF_HIGHEST: estimate_mean(highest, everything, test.groups, bootstrap),
        COST_SAVING: estimate_difference(
            lambda weights: weights @ saving / weights.sum(axis=1), test.groups, bootstrap
        ),
    }
    return {name: _scale(one, largest) for name, one in found.items()}


def _scale(estimate: Estimate, factor: float) -> Estimate:
    value, low, high = (None if one is None else one * factor for one in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, value=value, low=low, high=high)
