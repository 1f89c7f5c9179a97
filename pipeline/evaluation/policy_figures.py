"""What a policy gives on test: calibration, coverage of the sets, abstention and the aim, each with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.core.labels import to_matrix
from pipeline.core.policy import Policy, confidence_of
from pipeline.core.predictions import Predictions
from pipeline.statistics.bootstrap import Basis, Bootstrap, difference_interval, share_interval
from pipeline.statistics.calibration_error import calibration_error, error_of_perfect, reliability_bins
from pipeline.statistics.classification import confusion_counts, ratio

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.open_types import JsonObject

NUM_POINTS = 20  # of the curve of risk and coverage
FAR = "out_of_distribution"
Measure = Callable[[np.ndarray], np.ndarray]  # (R, N) weights to (R,) numbers


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class PolicyMaterial:
    """Test, and what the policy says of it.

    Attributes:
        policy: Fitted on val.
        test: Predictions with calibrated scores.
        raw_scores: (N, K) before calibration.
        abstains: (N,) bool.
        sets: (N, K) bool, or None.
        far: (N,) bool, flagged as out of distribution; None where the policy measures no distance.
    """

    policy: Policy
    test: Predictions
    raw_scores: np.ndarray
    abstains: np.ndarray
    sets: np.ndarray | None
    far: np.ndarray | None

    @classmethod
    def of(cls, policy: Policy, samples: pd.DataFrame, classes: list[str]) -> PolicyMaterial:
        """From rows of `data/predictions.parquet`, at least one."""
        sets = to_matrix(samples["prediction_set"].tolist(), classes) > 0 if "prediction_set" in samples else None
        return cls(
            policy=policy,
            test=Predictions.of(samples, classes),
            raw_scores=np.stack(samples["raw_scores"].to_numpy()),
            abstains=samples["abstains"].to_numpy(dtype=bool),
            sets=sets,
            far=samples[FAR].to_numpy() > 1 if FAR in samples else None,
        )

    def confidence(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N, C) scores and whether what they are for is true: of the top class, or of each label."""
        targets = self.test.targets > 0
        if not self.policy.exclusive:
            return scores, targets
        rows, top = np.arange(len(scores)), scores.argmax(axis=1)
        return scores[rows, top][:, None], targets[rows, top][:, None]


def policy_figures(material: PolicyMaterial, bootstrap: Bootstrap) -> dict[str, Estimate]:
    """Name to figure on test; `set_coverage/NAME` of each class."""
    figures = calibration_figures(material, bootstrap)
    figures |= set_figures(material, bootstrap) | abstention_figures(material, bootstrap)
    return figures | distance_figures(material, bootstrap)


def calibration_figures(material: PolicyMaterial, bootstrap: Bootstrap) -> dict[str, Estimate]:
    """Expected calibration error after and before calibration, and by how much it fell (positive is better)."""
    groups, everything = material.test.groups, np.ones(len(material.test), dtype=bool)
    after, before = material.confidence(material.test.scores), material.confidence(material.raw_scores)
    result = {
        "calibration_error": estimate_share(_error_of(*after), everything, groups, bootstrap),
        "calibration_error_before": estimate_share(_error_of(*before), everything, groups, bootstrap),
    }
    fall = estimate_difference(
        lambda weights: calibration_error(*before, weights) - calibration_error(*after, weights), groups, bootstrap
    )
    perfect = error_of_perfect(after[0], bootstrap.seed)
    reference = Estimate(value=perfect, low=None, high=None, n=len(groups), groups=material.test.num_groups)
    return result | {"calibration_error_fall": fall, "calibration_error_of_perfect": reference}


def _error_of(scores: np.ndarray, right: np.ndarray) -> Measure:
    return lambda weights: calibration_error(scores, right, weights)


def set_figures(material: PolicyMaterial, bootstrap: Bootstrap) -> dict[str, Estimate]:
    """Share of true labels that the set of their sample holds, over all and by class, and the share of single sets."""
    if material.sets is None:
        return {}
    targets, groups = material.test.targets > 0, material.test.groups
    found = {
        "set_coverage": estimate_mean(cover_labels(targets, material.sets), targets.sum(axis=1) > 0, groups, bootstrap)
    }
    for column, name in enumerate(material.test.classes):
        held = material.sets[:, column].astype(float)
        found[f"set_coverage/{name}"] = estimate_mean(held, targets[:, column], groups, bootstrap)
    everything, sizes = np.ones(len(groups), dtype=bool), material.sets.sum(axis=1)
    return found | {"single_sets": estimate_mean((sizes == 1).astype(float), everything, groups, bootstrap)}


def cover_labels(targets: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """(N,) share of the true labels of each sample that its set holds; 1 for a sample without labels."""
    held, number = (targets & sets).sum(axis=1), targets.sum(axis=1)
    return np.where(number > 0, held / np.maximum(number, 1), 1.0)


def abstention_figures(material: PolicyMaterial, bootstrap: Bootstrap) -> dict[str, Estimate]:
    """Share of test on which the policy abstains, and the accuracy on the rest; empty where it never does."""
    far = material.policy.out_of_distribution
    if material.policy.abstention == "never" and not (far and far.abstains):
        return {}
    groups, everything = material.test.groups, np.ones(len(material.test), dtype=bool)
    abstained = estimate_mean(material.abstains.astype(float), everything, groups, bootstrap)
    right = material.test.is_right.astype(float)
    return {
        "abstained": abstained,
        "accuracy_of_rest": estimate_mean(right, ~material.abstains, groups, bootstrap),
    }


def distance_figures(material: PolicyMaterial, bootstrap: Bootstrap) -> dict[str, Estimate]:
    """Share of test that is flagged as out of distribution; empty where the policy measures no distance."""
    if material.far is None:
        return {}
    everything = np.ones(len(material.test), dtype=bool)
    return {FAR: estimate_mean(material.far.astype(float), everything, material.test.groups, bootstrap)}


def rule_figures(material: PolicyMaterial, bootstrap: Bootstrap) -> list[JsonObject]:
    """Of each class with a threshold of its own: the threshold, and precision and recall on test."""
    rows: list[JsonObject] = []
    targets, decided, groups = material.test.targets, material.test.decided, material.test.groups
    for column, threshold in enumerate(material.policy.rule.thresholds or ()):
        if threshold is None:
            continue
        truth, choice = targets[:, [column]], decided[:, [column]]
        found: JsonObject = {}
        for name, support in (("precision", choice), ("recall", truth)):
            measure = _rate(name, truth, choice)
            found[name] = estimate_share(measure, support[:, 0] > 0, groups, bootstrap).to_json()
        rows.append({"class": material.test.classes[column], "threshold": threshold, **found})
    return rows


def _rate(name: str, truth: np.ndarray, choice: np.ndarray) -> Measure:
    return lambda weights: np.asarray(getattr(confusion_counts(truth, choice, weights), name))[:, 0]


def risk_curve(material: PolicyMaterial) -> list[dict[str, float]]:
    """Of the most confident share of test, in steps of 5 %: `share`, the `confidence` it takes, and its `accuracy`.

    Source: Geifman and El-Yaniv 2017, arXiv:1705.08500.
    """
    test = material.test
    confidence = confidence_of(test.scores, test.decided, material.policy.exclusive)
    order = np.argsort(-confidence, kind="stable")
    right = np.cumsum(test.is_right[order])
    counts = np.unique(np.ceil(np.arange(1, NUM_POINTS + 1) / NUM_POINTS * len(order)).astype(int))
    return [
        {
            "share": int(count) / len(order),
            "confidence": float(confidence[order][count - 1]),
            "accuracy": float(right[count - 1] / count),
        }
        for count in counts
    ]


def reliability(material: PolicyMaterial) -> JsonObject:
    """The tenths of the score `before` and `after` calibration."""
    before, after = material.confidence(material.raw_scores), material.confidence(material.test.scores)
    return {"before": reliability_bins(*before), "after": reliability_bins(*after)}


def set_sizes(material: PolicyMaterial) -> dict[str, int]:
    """How many sets of test hold no class, one, two and so on; empty without sets."""
    if material.sets is None:
        return {}
    counts = np.bincount(material.sets.sum(axis=1), minlength=len(material.test.classes) + 1)
    return {str(number): int(count) for number, count in enumerate(counts) if count}


def estimate_mean(values: np.ndarray, support: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """The mean of (N,) values in [0, 1] over the samples of a mask."""
    inside = support.astype(np.float64)

    def mean(weights: np.ndarray) -> np.ndarray:
        total = weights @ inside
        return ratio(weights @ (inside * values), total, 0 * total)

    return estimate_share(mean, support, groups, bootstrap)


def estimate_share(measure: Measure, support: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """A number in [0, 1] that rests on the samples of a mask, with its 95 % interval over groups."""
    basis = Basis.of(support[:, None], groups)
    empty = Estimate(value=None, low=None, high=None, n=int(support.sum()), groups=int(basis.groups))
    value = float(measure(np.ones((1, len(groups))))[0]) if support.any() else np.nan
    if not np.isfinite(value):
        return empty
    weights = bootstrap.replicates(groups)
    varied = np.concatenate([measure(block) for block in weights])
    interval = share_interval(value, varied, weights, basis.n, basis.groups)
    low, high, cautious = interval or (None, None, "")
    return replace(empty, value=value, low=low, high=high, caveat=basis.caveat(interval is not None, cautious))


def estimate_difference(measure: Measure, groups: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """A difference of two numbers on the same samples, with its 95 % interval over groups."""
    weights, basis = bootstrap.replicates(groups), Basis.of(np.ones((len(groups), 1), dtype=bool), groups)
    value = float(measure(np.ones((1, len(groups))))[0])
    varied = np.concatenate([measure(block) for block in weights])
    low, high = difference_interval(value, varied, weights, basis.n, basis.groups) or (None, None)
    caveat = basis.caveat(low is not None)
    return Estimate(value=value, low=low, high=high, n=len(groups), groups=int(basis.groups), caveat=caveat)
