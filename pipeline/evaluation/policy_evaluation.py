"""The file `reports/policy_figures.json`: what a policy gives on test, and whether test is like val."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.core.labels import to_matrix
from pipeline.core.policy import Policy
from pipeline.evaluation.cost_figures import cost_figures
from pipeline.evaluation.exchangeability import compare_splits
from pipeline.evaluation.policy_figures import (
    PolicyMaterial,
    policy_figures,
    reliability,
    risk_curve,
    rule_figures,
    set_sizes,
)
from pipeline.statistics.bootstrap import Bootstrap

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.open_types import JsonObject

NO_POLICY_FIGURES: JsonObject = {  # what a policy gives where no label says what is right
    "exchangeability": {"state": "cannot_be_judged", "sentence": ""},
    "figures": {},
    "rule": [],
    "set_sizes": [],
    "risk_curve": [],
    "reliability": {},
}


def read_policy(card: JsonObject, path: Path = artifacts.POLICY) -> Policy:
    """The policy of the predictor with this card.

    Raises:
        UserError: It is missing, corrupt, or of another training.
    """
    policy = Policy.from_json(artifacts.read_json(path), list(card["classes"]), str(path))
    if policy.training_key != card.get("training_key"):
        raise UserError(f"{path} was fitted to another predictor than {artifacts.PREDICTOR}; run dvc repro calibrate")
    return policy


def evaluate_policy(
    policy: Policy, predictions: pd.DataFrame, classes: list[str], features: np.ndarray | None, bootstrap: Bootstrap
) -> JsonObject:
    """What `reports/policy_figures.json` holds.

    Args:
        policy: Fitted on val.
        predictions: N rows of `data/predictions.parquet`, of val and test.
        classes: K names.
        features: (N, D) frozen features of the same samples, or None.
        bootstrap: How groups are resampled.
    """
    is_test = (predictions["split"] == "test").to_numpy()
    targets, groups = to_matrix(predictions["labels"].tolist(), classes), predictions["group"].to_numpy(dtype=str)
    material = PolicyMaterial.of(policy, predictions[is_test], classes)
    alike = compare_splits(targets, is_test, groups, features, classes, bootstrap)
    figures = policy_figures(material, bootstrap) | cost_figures(material, bootstrap)
    if alike.auc is not None:
        figures["val_test_auc"] = alike.auc
    return {
        "policy": policy.to_json(),
        "exchangeability": alike.to_json(),
        "figures": {name: one.to_json() for name, one in figures.items()},
        "rule": rule_figures(material, bootstrap),
        "set_sizes": set_sizes(material),
        "risk_curve": risk_curve(material),
        "reliability": reliability(material),
    }


def read_policy_figures(path: Path = artifacts.POLICY_FIGURES) -> dict[str, Estimate]:
    """The figures of `reports/policy_figures.json`.

    Raises:
        UserError: The file is missing or corrupt.
    """
    found = artifacts.read_json(path)
    try:
        return {str(name): Estimate.from_json(entry) for name, entry in found["figures"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: {error}; remove the file and run dvc repro evaluate") from None
