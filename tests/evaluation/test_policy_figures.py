"""Figures of a policy by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from policy_examples import make_policy

from pipeline.core import artifacts
from pipeline.core.decision_rule import Rule
from pipeline.core.errors import UserError
from pipeline.core.policy import OutOfDistribution
from pipeline.evaluation.cost_figures import cost_figures
from pipeline.evaluation.policy_evaluation import evaluate_policy, read_policy, read_policy_figures
from pipeline.evaluation.policy_figures import (
    PolicyMaterial,
    calibration_figures,
    cover_labels,
    policy_figures,
    risk_curve,
    rule_figures,
    set_sizes,
)
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=100, seed=0)
CLASSES = ["a", "b"]


def table():
    """Ten pictures of a and ten of b in 20 groups: at 0.9 sure, 8 of 10 right each."""
    truth = np.repeat([0, 1], 10)
    choice = truth.copy()
    choice[[0, 1, 10, 11]] = 1 - choice[[0, 1, 10, 11]]
    raw = np.where(np.eye(2)[choice] > 0, 0.95, 0.05)
    scores = np.where(np.eye(2)[choice] > 0, 0.8, 0.2)
    scores[5] = [0.6, 0.4]
    return pd.DataFrame(
        {
            "sample_id": [f"s{row}" for row in range(20)],
            "split": "test",
            "group": [f"g{row}" for row in range(20)],
            "labels": [[CLASSES[one]] for one in truth],
            "decided": [[CLASSES[one]] for one in choice],
            "scores": list(scores),
            "raw_scores": list(raw),
            "abstains": scores.max(axis=1) < 0.7,
            "prediction_set": [["a", "b"] if row == 5 else [CLASSES[one]] for row, one in enumerate(choice)],
        }
    )


POLICY = make_policy(2, set_thresholds=(0.4, 0.4), abstention="confidence", rule=Rule(thresholds=(0.5, None)))


@pytest.fixture
def material():
    return PolicyMaterial.of(POLICY, table(), CLASSES)


def test_abstention_because_of_the_distance_has_figures():
    far = OutOfDistribution(distance={}, reference="", limit=1.0, share=0.01, abstains=True)
    policy = make_policy(2, out_of_distribution=far)
    found = policy_figures(PolicyMaterial.of(policy, table().assign(out_of_distribution=0.5), CLASSES), BOOTSTRAP)
    assert found["abstained"].value == pytest.approx(0.05)
    flagged = make_policy(2, out_of_distribution=replace(far, abstains=False))
    found = policy_figures(PolicyMaterial.of(flagged, table().assign(out_of_distribution=0.5), CLASSES), BOOTSTRAP)
    assert "abstained" not in found


def test_figures(material):
    found = policy_figures(material, BOOTSTRAP)
    # 16 of 20 right at 0.95 before; after 15 of 19 at 0.8 and one right at 0.6
    assert found["calibration_error_before"].value == pytest.approx(0.15)
    assert found["calibration_error"].value == pytest.approx((19 * (0.8 - 15 / 19) + 0.4) / 20)
    fall = found["calibration_error_fall"]
    assert fall.value == pytest.approx(found["calibration_error_before"].value - found["calibration_error"].value)
    assert fall.low < fall.value < fall.high
    assert (found["set_coverage"].value, found["set_coverage/a"].value, found["set_coverage/b"].n) == (0.8, 0.8, 10)
    assert found["single_sets"].value == 0.95
    assert (found["abstained"].value, found["accuracy_of_rest"].value) == (0.05, pytest.approx(15 / 19))
    assert found["accuracy_of_rest"].n == 19
    assert all(one.low < one.value < one.high for name, one in found.items() if not name.endswith("perfect"))


def test_curve_sizes_and_thresholds(material):
    curve = risk_curve(material)
    assert curve[-1] == {"share": 1.0, "confidence": 0.6, "accuracy": 0.8}
    assert curve[-2] == {"share": 0.95, "confidence": 0.8, "accuracy": pytest.approx(15 / 19)}
    assert set_sizes(material) == {"1": 19, "2": 1}
    (row,) = rule_figures(material, BOOTSTRAP)
    assert (row["class"], row["threshold"], row["precision"]["value"], row["recall"]["value"]) == ("a", 0.5, 0.8, 0.8)


def test_nothing_is_said_of_what_the_policy_lacks():
    plain = PolicyMaterial.of(make_policy(2), table().drop(columns="prediction_set"), CLASSES)
    assert list(policy_figures(plain, BOOTSTRAP)) == [
        *("calibration_error", "calibration_error_before", "calibration_error_fall", "calibration_error_of_perfect"),
    ]
    assert (set_sizes(plain), rule_figures(plain, BOOTSTRAP)) == ({}, [])


def test_the_share_out_of_distribution():
    rows = table().assign(out_of_distribution=np.array([1.5, 1.1, 1.0, *[0.2] * 17], dtype=np.float32))
    found = policy_figures(PolicyMaterial.of(POLICY, rows, CLASSES), BOOTSTRAP)["out_of_distribution"]
    assert (found.value, found.n, found.groups) == (0.1, 20, 20)
    assert found.low < 0.1 < found.high


def test_costs_by_hand():
    """Two of a are decided as b at 10 each, two of b as a at 1: 22 for 20 pictures."""
    policy = make_policy(2, rule=Rule(costs=((0.0, 10.0), (1.0, 0.0))))
    found = cost_figures(PolicyMaterial.of(policy, table(), CLASSES), BOOTSTRAP)
    assert list(found) == ["mean_cost", "mean_cost_of_highest_score", "mean_cost_saving"]
    assert found["mean_cost"].value == found["mean_cost_of_highest_score"].value == pytest.approx(1.1)
    assert (found["mean_cost_saving"].value, found["mean_cost"].n) == (0, 20)
    cautious = table()
    cautious.at[5, "scores"] = [0.4, 0.6]  # a, and the costs decide it all the same
    saved = cost_figures(PolicyMaterial.of(policy, cautious, CLASSES), BOOTSTRAP)
    assert saved["mean_cost"].value == pytest.approx(1.1)
    assert saved["mean_cost_of_highest_score"].value == pytest.approx(1.6)
    assert saved["mean_cost_saving"].value == pytest.approx(0.5)
    assert all(one.low < one.value < one.high for one in saved.values())
    assert saved["mean_cost_saving"].low < 0  # one picture of 20
    assert cost_figures(PolicyMaterial.of(POLICY, table(), CLASSES), BOOTSTRAP) == {}


def test_few_groups_have_no_interval():
    rows = table().assign(group=[f"g{row % 4}" for row in range(20)])
    found = calibration_figures(PolicyMaterial.of(POLICY, rows, CLASSES), BOOTSTRAP)
    assert found["calibration_error"].interval is None
    assert found["calibration_error_fall"].caveat.startswith("no interval: it rests on 4 independent groups")


def test_coverage_of_several_labels_is_the_share_of_them():
    targets = np.array([[True, True], [True, False], [False, False]])
    sets = np.array([[True, False], [True, True], [False, True]])
    assert cover_labels(targets, sets).tolist() == [0.5, 1.0, 1.0]


def test_the_file(project):
    both = pd.concat([table().assign(split="val", group=[f"v{row}" for row in range(20)]), table()])
    artifacts.write_json(artifacts.POLICY_FIGURES, evaluate_policy(POLICY, both, CLASSES, None, BOOTSTRAP))
    first = artifacts.POLICY_FIGURES.read_bytes()
    assert read_policy_figures()["set_coverage"].value == 0.8
    assert artifacts.read_json(artifacts.POLICY_FIGURES)["exchangeability"]["state"] == "alike"
    artifacts.write_json(artifacts.POLICY_FIGURES, evaluate_policy(POLICY, both, CLASSES, None, BOOTSTRAP))
    assert artifacts.POLICY_FIGURES.read_bytes() == first
    artifacts.write_json(artifacts.POLICY_FIGURES, {"figures": {"x": 3}})
    with pytest.raises(UserError, match=r"^reports/policy_figures\.json: an estimate must be a mapping, got 3; remove"):
        read_policy_figures()


def test_the_policy_of_another_training(project):
    artifacts.write_json(artifacts.POLICY, POLICY.to_json())
    assert read_policy({"classes": CLASSES, "training_key": "key"}) == POLICY
    with pytest.raises(UserError, match=r"^data/policy\.json was fitted to another predictor than data/predictor; run"):
        read_policy({"classes": CLASSES, "training_key": "other"})
