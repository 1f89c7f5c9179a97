"""Losses for unequal classes: by hand, against slow formulas, and what the scores at their minimum are."""

import math

import numpy as np
import pytest
import torch
from file_options import from_file
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.training.tasks.losses import (
    class_weights,
    effective_number,
    of_sigmoid,
    of_softmax,
    positive_weights,
    sigmoid_loss,
    softmax_loss,
)
from pipeline.training.tasks.multi_label import MultiLabel
from pipeline.training.tasks.single_label import SingleLabel

LN3 = math.log(3)
LOSSES = [
    {},
    {"class_weights": "balanced"},
    {"class_weights": "effective", "beta": 0.9},
    {"focal_gamma": 2.0},
    {"focal_gamma": 1.0, "class_weights": "balanced"},
    {"logit_adjustment": 1.0},
    {"logit_adjustment": 0.5, "focal_gamma": 2.0},
]


def test_effective_numbers_by_hand():
    # 1 - 0.5 = 0.5, 1 - 0.25 = 0.75, 1 - 0.125 = 0.875, each over 0.5
    np.testing.assert_allclose(effective_number(np.array([1, 2, 3]), 0.5), [1, 1.5, 1.75])
    assert effective_number(np.array([10]), 1 - 1e-9)[0] == pytest.approx(10)


def test_class_weights_by_hand():
    sizes = np.array([6.0, 3.0, 1.0])
    np.testing.assert_allclose(class_weights(sizes, "none", 0.9), 1)
    np.testing.assert_allclose(class_weights(sizes, "balanced", 0.9), [10 / 18, 10 / 9, 10 / 3])
    # beta 0.5 and sizes 2 and 1: 1 / 1.5 and 1, scaled to sum to 2
    np.testing.assert_allclose(class_weights(np.array([2.0, 1.0]), "effective", 0.5), [0.8, 1.2])
    # a class without samples weighs 1 and does not count
    np.testing.assert_allclose(class_weights(np.array([2.0, 0, 1.0]), "effective", 0.5), [0.8, 1, 1.2])


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=8), st.floats(0.01, 0.9999))
def test_class_weights_against_scikit_learn_and_the_slow_formula(sizes, beta):
    truth = np.repeat(np.arange(len(sizes)), np.minimum(sizes, 50))
    counted = np.bincount(truth).astype(float)
    expected = compute_class_weight("balanced", classes=np.arange(len(sizes)), y=truth)
    np.testing.assert_allclose(class_weights(counted, "balanced", beta), expected)
    slow = [(1 - beta) / (1 - beta**n) for n in sizes]
    slow = [one * len(sizes) / sum(slow) for one in slow]
    np.testing.assert_allclose(class_weights(np.array(sizes, float), "effective", beta), slow, rtol=1e-6)


def test_positive_weights_by_hand():
    positives = np.array([1.0, 2.0, 0.0, 3.0])
    np.testing.assert_allclose(positive_weights(positives, 3, "balanced", 0.5), [2, 0.5, 1, 1])
    # of 3 samples 1 has the label: (1 + 0.5) / 1; 2 have it: 1 / 1.5
    np.testing.assert_allclose(positive_weights(positives, 3, "effective", 0.5), [1.5, 1 / 1.5, 1, 1])
    np.testing.assert_allclose(positive_weights(positives, 3, "none", 0.5), 1)


def test_weighted_and_focal_softmax_by_hand():
    # softmax of (0, ln 3) is (1/4, 3/4); the truth is the first, then the second
    logits, targets = torch.tensor([[0.0, LN3]] * 2), torch.eye(2)
    weights = torch.tensor([3.0, 0.5])
    found = softmax_loss(logits, targets, weights, 0.0, 0.0).item()
    assert found == pytest.approx((3 * math.log(4) + 0.5 * math.log(4 / 3)) / 2)
    found = softmax_loss(logits, targets, None, 2.0, 0.0).item()
    assert found == pytest.approx(((3 / 4) ** 2 * math.log(4) + (1 / 4) ** 2 * math.log(4 / 3)) / 2)


def test_focal_sigmoid_by_hand():
    # sigmoid of ln 3 is 3/4, there and weighing 2; of 0 it is 1/2, absent
    logits, targets = torch.tensor([[LN3, 0.0]]), torch.tensor([[1.0, 0.0]])
    found = sigmoid_loss(logits, targets, torch.tensor([2.0, 5.0]), 2.0).item()
    assert found == pytest.approx((2 * (1 / 4) ** 2 * math.log(4 / 3) + (1 / 2) ** 2 * math.log(2)) / 2)


def test_logit_adjustment_by_hand():
    # shares 3/4 and 1/4: the logits (0, 0) become (ln 3/4, ln 1/4), whose softmax is the shares
    task = SingleLabel(label_smoothing=0.0, logit_adjustment=1.0).fit_class_weights(np.eye(2)[[0, 0, 0, 1]])
    assert task.prior == [0.75, 0.25]
    logits = torch.zeros(1, 2)
    assert task.loss(logits, torch.tensor([[0.0, 1.0]])).item() == pytest.approx(math.log(4))
    assert task.loss(logits, torch.tensor([[1.0, 0.0]])).item() == pytest.approx(math.log(4 / 3))
    torch.testing.assert_close(task.probabilities(logits), torch.tensor([[0.5, 0.5]]))  # the shift is not in the answer
    # a mistake on the rare class counts three times as much as one on the common one: (4/3 and 4) / (16/3)
    scores = np.array([[0.5, 0.5], [0.2, 0.8]])
    expected = -(math.log(0.5) * 4 / 3 + math.log(0.8) * 4) / (16 / 3)
    assert task.log_loss(np.eye(2), scores) == pytest.approx(expected)


def test_logit_adjustment_of_labels_by_hand():
    # 1 of 4 has the label, with half a sample added to either side 1.5 / 5: odds 3/7
    task = MultiLabel(logit_adjustment=1.0).fit_class_weights(np.array([[1.0], [0.0], [0.0], [0.0]]))
    assert task.prior == [0.3]
    logits = torch.zeros(1, 1)
    assert task.loss(logits, torch.ones(1, 1)).item() == pytest.approx(-math.log(0.3))
    assert task.probabilities(logits).item() == pytest.approx(0.3)


numbers = st.floats(-8, 8, width=32)
rows = st.lists(
    st.tuples(numbers, numbers, numbers, st.integers(0, 2), st.integers(0, 2), st.floats(0, 1)), min_size=1, max_size=5
)


@given(rows, st.floats(0, 4), st.floats(0, 0.5), st.booleans())
def test_softmax_loss_against_loops(drawn, gamma, smoothing, weighed):
    logits = torch.tensor([row[:3] for row in drawn], dtype=torch.float64)
    targets = torch.tensor(
        [[share * (one == k) + (1 - share) * (other == k) for k in range(3)] for *_, one, other, share in drawn]
    ).double()
    weights = [0.5, 1.0, 4.0] if weighed else [1.0] * 3
    expected = 0.0
    for x, t in zip(logits.tolist(), targets.tolist(), strict=True):
        total = sum(math.exp(one) for one in x)
        for k in range(3):
            p, truth = math.exp(x[k]) / total, t[k] * (1 - smoothing) + smoothing / 3
            expected -= weights[k] * truth * (1 - p) ** gamma * math.log(p) / len(drawn)
    told = torch.tensor(weights, dtype=torch.float64) if weighed else None
    found = softmax_loss(logits, targets, told, gamma, smoothing)
    assert found.item() == pytest.approx(expected, rel=1e-6, abs=1e-7)


@given(rows, st.floats(0, 4))
def test_sigmoid_loss_against_loops(drawn, gamma):
    logits = torch.tensor([row[:2] for row in drawn], dtype=torch.float64)
    targets = torch.tensor([[row[5], float(row[3] > 0)] for row in drawn], dtype=torch.float64)
    weights, expected = [3.0, 0.5], 0.0
    for x, t in zip(logits.tolist(), targets.tolist(), strict=True):
        for k in range(2):
            p = 1 / (1 + math.exp(-x[k]))
            present, absent = (1 - p) ** gamma * math.log(p), p**gamma * math.log(1 - p)
            expected -= (weights[k] * t[k] * present + (1 - t[k]) * absent) / (2 * len(drawn))
    found = sigmoid_loss(logits, targets, torch.tensor(weights, dtype=torch.float64), gamma)
    assert found.item() == pytest.approx(expected, rel=1e-5, abs=1e-7)


def minimised(task, targets):
    """The logits with the lowest loss where nothing tells the samples apart."""
    logits = torch.zeros(targets.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([logits], max_iter=300, line_search_fn="strong_wolfe", tolerance_grad=1e-12)

    def closure():
        optimiser.zero_grad()
        loss = task.loss(logits.expand(len(targets), -1), targets)
        loss.backward()
        return loss

    optimiser.step(closure)
    return logits.detach()[None]


@pytest.mark.parametrize("options", LOSSES, ids=str)
def test_a_score_is_a_frequency_among_classes_as_frequent_as_they_weigh(options):
    sizes = np.array([12, 6, 2])
    targets = np.eye(3)[np.repeat(np.arange(3), sizes)]
    task = SingleLabel(label_smoothing=0.0, **options).fit_class_weights(targets)
    worth = np.ones(3) if task.weights is None else np.array(task.weights)
    worth = worth * (sizes / 20) ** -float(options.get("logit_adjustment", 0))
    expected = sizes * worth / (sizes * worth).sum()
    found = task.probabilities(minimised(task, torch.from_numpy(targets))).numpy()[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("options", LOSSES, ids=str)
@pytest.mark.parametrize("num", [1, 6, 15])
def test_whatever_the_loss_the_score_of_a_label_is_its_share(options, num):
    targets = torch.zeros(20, 1, dtype=torch.float64)
    targets[:num] = 1
    task = MultiLabel(**options).fit_class_weights(targets.numpy())
    assert task.probabilities(minimised(task, targets)).item() == pytest.approx(num / 20, abs=1e-4)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 5.0])
def test_extreme_logits_give_probabilities_and_finite_gradients(gamma):
    logits = torch.tensor([[80.0, -80.0, 0.0], [0.0, 0.0, 0.0], [1e4, 0.0, -1e4]], requires_grad=True)
    for scores in (of_softmax(logits, torch.tensor([0.0, 1.0, 2.0]), gamma), of_sigmoid(logits, None, gamma)):
        assert scores.dtype == torch.float32
        assert ((scores >= 0) & (scores <= 1)).all()
    torch.testing.assert_close(of_softmax(logits, None, gamma).sum(dim=1), torch.ones(3))
    loss = softmax_loss(logits, torch.eye(3), None, gamma, 0.1) + sigmoid_loss(logits, torch.eye(3), None, gamma)
    loss.backward()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("gamma", [1.0, 2.0, 5.0])
def test_undoing_focus_keeps_the_order_of_classes(gamma):
    logits = torch.randn(200, 5, generator=torch.Generator().manual_seed(0)) * 4
    scores = of_softmax(logits, None, gamma)
    assert torch.equal(scores.argmax(dim=1), logits.argmax(dim=1))
    assert (
        scores.amax(dim=1) >= logits.softmax(dim=1).amax(dim=1) - 1e-6
    ).all()  # focal loss makes a network less sure


@pytest.mark.parametrize("options", LOSSES, ids=str)
@pytest.mark.parametrize("kind", [SingleLabel, MultiLabel])
def test_what_was_learnt_goes_through_the_card(options, kind):
    task = kind(**options, **({"label_smoothing": 0.0} if kind is SingleLabel else {}))
    learnt = task.fit_class_weights(np.eye(3)[[0, 0, 0, 1, 1, 2]])
    assert config.build(config.to_node(learnt), "card.task") == learnt
    assert learnt.fit_class_weights(np.eye(3)[[0, 1, 2]]) == task.fit_class_weights(np.eye(3)[[0, 1, 2]])
    assert (learnt.weights is None) == (task.class_weights == "none")
    assert (learnt.prior is None) == (task.logit_adjustment == 0)


@pytest.mark.parametrize("kind", [SingleLabel, MultiLabel])
def test_what_was_learnt_for_other_classes_is_refused(kind):
    own = {"label_smoothing": 0.0} if kind is SingleLabel else {}
    name = "single_label" if own else "multi_label"
    with pytest.raises(UserError, match=rf"^task {name} has 2 weights for 3 classes; run dvc repro train$"):
        kind(**own, weights=[1.0, 2.0]).loss(torch.zeros(1, 3), torch.zeros(1, 3))
    with pytest.raises(UserError, match=rf"^task {name} has 2 prior for 3 classes; run dvc repro train$"):
        kind(**own, prior=[0.5, 0.5], logit_adjustment=1.0).loss(torch.zeros(1, 3), torch.zeros(1, 3))


@pytest.mark.parametrize("kind", [SingleLabel, MultiLabel])
@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"class_weights": "some"}, r"^class_weights must be 'none', 'balanced' or 'effective', got 'some'$"),
        ({"max_class_weight": 0.5}, r"^max_class_weight must be at least 1, got 0\.5$"),
        ({"beta": 1.0}, r"^beta must be above 0 and below 1, got 1\.0$"),
        ({"focal_gamma": 0.5}, r"^focal_gamma must be 0 or 1 to 10, got 0\.5$"),
        ({"logit_adjustment": float("nan")}, r"^logit_adjustment must be a finite number, got nan$"),
        ({"weights": [1.0, 0.0]}, r"^weights\.1 must be above 0, got \[1\.0, 0\.0\]$"),
        ({"prior": [1.0, 0.0]}, r"^prior\.0 must be above 0 and below 1, got \[1\.0, 0\.0\]$"),
    ],
)
def test_wrong_choices(kind, choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(kind, **choices, **({"label_smoothing": 0.0} if kind is SingleLabel else {}))
