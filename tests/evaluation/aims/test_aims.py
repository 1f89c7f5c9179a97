"""Thresholds and costs by hand."""

import numpy as np
import pytest

from pipeline.core.decision_rule import Rule
from pipeline.core.errors import UserError
from pipeline.evaluation.aims.as_trained import AsTrained
from pipeline.evaluation.aims.best_f1 import BestF1
from pipeline.evaluation.aims.lowest_cost import LowestCost
from pipeline.evaluation.aims.precision_at_least import PrecisionAtLeast
from pipeline.evaluation.aims.recall_at_least import RecallAtLeast
from pipeline.statistics.operating_points import OperatingPoints

CLASSES = ["a", "b"]
TRUTH = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0])  # of class a, by falling score
OF_A = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
SCORES = np.stack([OF_A, 1 - OF_A], axis=1)
TARGETS = np.stack([TRUTH, 1 - TRUTH], axis=1)


def test_operating_points():
    points = OperatingPoints.of(np.array([1, 0, 1]), np.array([0.8, 0.4, 0.4]))
    assert points.thresholds.tolist() == pytest.approx([0.2, 0.6])
    assert points.precision.tolist() == pytest.approx([2 / 3, 1])
    assert points.recall.tolist() == [1, 0.5]
    assert points.f1.tolist() == pytest.approx([0.8, 2 / 3])


@pytest.mark.parametrize(
    ("aim", "threshold"),
    [
        (BestF1(of=None), 0.45),  # 4 of 5 right, all 4 found: 8/9
        (RecallAtLeast(of="a", recall=0.75), 0.65),
        (RecallAtLeast(of="a", recall=0.76), 0.45),
        (RecallAtLeast(of=None, recall=0.0), 0.85),
        (PrecisionAtLeast(of="a", precision=0.99), 0.65),
        (PrecisionAtLeast(of="a", precision=0.8), 0.45),
    ],
)
def test_a_threshold_of_one_of_two_classes(aim, threshold):
    rule = aim(TARGETS, SCORES, CLASSES, True)
    assert rule.thresholds == (pytest.approx(threshold), None)  # a is the rarer class
    assert rule.note == ""
    decided = rule.decide(SCORES, True)
    assert (decided[:, 0] == (threshold <= OF_A)).all()
    assert (decided.sum(axis=1) == 1).all()


def test_a_threshold_for_each_of_several_labels():
    truth = np.stack([TRUTH, np.ones(9, dtype=int)], axis=1)
    rule = RecallAtLeast(of=None, recall=1.0)(truth, SCORES, CLASSES, False)
    assert rule.thresholds == (pytest.approx(0.45), None)
    assert rule.note == "b cannot have a threshold: val has only one side of it."
    assert rule.decide(SCORES, False)[:, 1].tolist() == (SCORES[:, 1] >= 0.5).tolist()


def test_a_precision_that_nothing_reaches():
    worst = TARGETS[:, ::-1]
    rule = PrecisionAtLeast(of="a", precision=0.9)(worst, SCORES, CLASSES, True)
    assert rule.thresholds is None
    assert rule.note == (
        "a reaches a precision of 0.556 on val at most, not 0.9, and has no threshold. The class with the highest "
        "score is decided."
    )


def test_costs():
    rule = LowestCost(costs={"a": {"b": 10.0}})(TARGETS, SCORES, CLASSES, True)
    assert rule == Rule(costs=((0.0, 10.0), (1.0, 0.0)))
    assert (rule.decide(SCORES, True)[:, 0] == (OF_A >= 1 / 11)).all()
    assert (LowestCost(costs={})(TARGETS, SCORES, CLASSES, True).decide(SCORES, True).argmax(axis=1)[:4] == 0).all()


def test_as_trained_leaves_it_to_the_task():
    assert AsTrained()(TARGETS, SCORES, CLASSES, True) == Rule()
    assert Rule().decide(SCORES, True) is None


@pytest.mark.parametrize(
    ("aim", "classes", "exclusive", "message"),
    [
        (BestF1(of="A"), CLASSES, True, r"^params\.yaml: aim\.of: there is no class 'A'"),
        (
            BestF1(of=None),
            ["a", "b", "c"],
            True,
            r"^params\.yaml: aim\.of is null, but a threshold is of one class and",
        ),
        (LowestCost(costs={"x": {"a": 1.0}}), CLASSES, True, r"^params\.yaml: aim\.costs: there is no class 'x'"),
        (LowestCost(costs={}), CLASSES, False, r"^params\.yaml: aim=lowest_cost is for exactly one label per sample"),
    ],
)
def test_what_is_refused(aim, classes, exclusive, message):
    with pytest.raises(UserError, match=message):
        aim(TARGETS, SCORES, classes, exclusive)
