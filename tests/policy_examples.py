"""A policy that changes nothing, and changes of it."""

from pipeline.core.decision_rule import Rule
from pipeline.core.policy import Policy
from pipeline.training.policy_fit import Options


def make_policy(num_classes, **changes):
    """Temperature 1, the decision of the task, no sets and no abstention, but for the `changes`."""
    choices = {
        "training_key": "key",
        "exclusive": True,
        "temperatures": (1.0,) * num_classes,
        "rule": Rule(),
        "abstention": "never",
        "min_confidence": 0.5,
        "coverage": 0.9,
        "set_thresholds": None,
        "notes": (),
        "num_samples": 100,
        "num_groups": 20,
    }
    return Policy(**{**choices, **changes})


def policy_options(**changes) -> Options:
    """Those of conf/config.yaml, but for the `changes`."""
    choices = {"calibration": "temperature", "min_samples": 50, "coverage": 0.9, "sets": "overall"}
    choices |= {"grouping": "hierarchical", "abstain": "never", "min_confidence": 0.5}
    choices |= {"out_of_distribution": "report", "out_of_distribution_share": 0.01, "max_reference": 2000}
    return Options(**{**choices, **changes})
