"""Any number of labels per sample: a sigmoid each, weights learnt on train, thresholds learnt on val."""

import math

import numpy as np
import pytest
import torch
from file_options import from_file
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, log_loss

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.training.tasks.multi_label import MultiLabel, best_threshold

CHOICES = {"class_weights": "balanced", "max_class_weight": 20.0}
TASK = MultiLabel(**CHOICES)
LN3 = math.log(3)


def test_targets_stand_in_the_order_of_the_classes_and_none_is_a_row_of_zeros():
    found = TASK.targets([["a", "b"], [], ["c"]], ["c", "a", "b"])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[0, 1, 1], [0, 0, 0], [1, 0, 0]])
    assert TASK.targets([], ["a", "b"]).shape == (0, 2)


def test_weights_are_negatives_over_positives_of_train():
    # a: 1 of 4, b: 3 of 4, c: nobody, d: everybody
    targets = np.array([[1, 1, 0, 1], [0, 1, 0, 1], [0, 1, 0, 1], [0, 0, 0, 1]], dtype=np.float32)
    assert TASK.fit_class_weights(targets).weights == pytest.approx([3, 1 / 3, 1, 1])
    assert MultiLabel(**{**CHOICES, "max_class_weight": 2.0}).fit_class_weights(targets).weights == [2, 0.5, 1, 1]
    assert MultiLabel(**{**CHOICES, "class_weights": "none"}).fit_class_weights(targets).weights is None


def test_loss_by_hand():
    # sigmoid of ln 3 is 3/4; the positive counts twice: -(2 ln 3/4 + ln (1 - 1/2)) / 2
    task = MultiLabel(**CHOICES, weights=[2.0, 5.0])
    found = task.loss(torch.tensor([[LN3, 0.0]]), torch.tensor([[1.0, 0.0]])).item()
    assert found == pytest.approx(-(2 * math.log(3 / 4) + math.log(1 / 2)) / 2)


numbers = st.floats(-20, 20, width=32)


@given(st.lists(st.tuples(numbers, numbers, st.booleans(), st.booleans()), min_size=1, max_size=6), numbers)
def test_the_loss_is_torchs_and_that_of_the_formula(rows, exponent):
    logits = torch.tensor([row[:2] for row in rows])
    targets = torch.tensor([row[2:] for row in rows], dtype=torch.float32)
    weights = [math.exp(exponent / 10), 1.5]
    found = MultiLabel(**CHOICES, weights=weights).loss(logits, targets)
    criterion = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(weights))
    assert torch.equal(found, criterion(logits, targets))
    x, y = logits.double().numpy(), targets.double().numpy()
    slow = np.log1p(np.exp(-x)) * y * weights + np.log1p(np.exp(x)) * (1 - y)
    assert found.item() == pytest.approx(slow.mean(), rel=1e-5, abs=1e-6)
    assert torch.equal(TASK.loss(logits, targets), torch.nn.BCEWithLogitsLoss()(logits, targets))


def test_probabilities_take_the_weights_off_again():
    logits = torch.tensor([[0.0, LN3]])
    torch.testing.assert_close(TASK.probabilities(logits), torch.tensor([[0.5, 0.75]]))
    # odds of 1 and 3, divided by the weights 3 and 3
    weighed = MultiLabel(**CHOICES, weights=[3.0, 3.0])
    torch.testing.assert_close(weighed.probabilities(logits), torch.tensor([[0.25, 0.5]]))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.8])
def test_whatever_the_weights_the_score_at_the_lowest_loss_is_the_share_of_the_label(share):
    targets = torch.zeros(100, 1)
    targets[: round(100 * share)] = 1
    task = TASK.fit_class_weights(targets.numpy())
    logit = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.LBFGS([logit], max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = task.loss(logit.expand(100, 1), targets)
        loss.backward()
        return loss

    optimiser.step(closure)
    assert logit.item() == pytest.approx(0, abs=1e-3)  # balanced: neither side weighs more
    assert task.probabilities(logit[None].detach()).item() == pytest.approx(share, abs=1e-3)


def test_log_loss_is_the_mean_over_samples_and_labels():
    targets, scores = np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[0.5, 0.2], [0.1, 0.6]])
    assert TASK.log_loss(targets, scores) == pytest.approx(-np.log([0.5, 0.8, 0.9, 0.4]).mean())
    assert TASK.log_loss(targets, targets) == 0
    assert TASK.log_loss(np.array([[1.0]]), np.array([[0.0]])) == pytest.approx(-math.log(1e-7))
    assert np.isnan(TASK.log_loss(np.array([[1.0]]), np.array([[np.nan]])))


def test_log_loss_is_scikit_learns_mean_over_labels():
    generator = np.random.default_rng(0)
    targets, scores = generator.integers(0, 2, (30, 3)), generator.random((30, 3))
    expected = np.mean([log_loss(targets[:, column], scores[:, column], labels=[0, 1]) for column in range(3)])
    assert TASK.log_loss(targets, scores) == pytest.approx(expected)


def test_several_labels_or_none_are_decided():
    scores = np.array([[0.9, 0.5], [0.2, 0.49]], dtype=np.float32)
    np.testing.assert_array_equal(TASK.decide(scores), [[True, True], [False, False]])
    tuned = MultiLabel(**CHOICES, thresholds=[0.2, 0.95])
    np.testing.assert_array_equal(tuned.decide(scores), [[True, False], [True, False]])
    assert TASK.decide(np.zeros((0, 2))).shape == tuned.decide(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize(
    ("truth", "scores", "expected"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], 0.25),  # between the highest negative and the lowest positive
        ([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.9], 0.5),  # 0.5 decides the same
        ([1, 0, 1, 0], [0.1, 0.2, 0.8, 0.9], 0.05),  # F1 2/4, 2/5, 4/5 ... by hand: all 2/3, without 0.1 1/2
        ([0, 1, 0, 1], [0.6, 0.7, 0.8, 0.9], 0.65),  # from 0.7 on 4/5
        ([1, 0, 0, 1], [0.2, 0.4, 0.6, 0.8], 0.7),  # all 2/3, only 0.8 2/3: 0.7 is nearer to 0.5 than 0.1
        ([0, 0, 0], [0.1, 0.6, 0.9], 0.5),  # no positive
        ([1, 1], [0.7, 0.9], 0.5),  # no negative: 0.5 gives all
        ([1, 1], [0.2, 0.4], 0.1),
        ([1, 0], [0.3, 0.3], 0.15),  # one score for all: give all or none
        ([1, 0], [0.0, 0.0], 0.0),
        ([1, 0], [float("nan"), 0.2], 0.5),
        ([], [], 0.5),
    ],
)
def test_thresholds_by_hand(truth, scores, expected):
    assert best_threshold(np.array(truth), np.array(scores)) == pytest.approx(expected)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=30))
def test_no_other_threshold_has_a_higher_f1(rows):
    truth, scores = np.array([row[0] for row in rows]), np.array([row[1] / 20 for row in rows], dtype=np.float32)
    threshold = best_threshold(truth, scores)
    if not truth.any():
        assert threshold == 0.5
        return
    candidates = [*np.unique(scores), 0.5]
    best = max(f1_score(truth, scores >= one, zero_division=0) for one in candidates)
    assert f1_score(truth, scores >= threshold, zero_division=0) == pytest.approx(best)
    if f1_score(truth, scores >= 0.5, zero_division=0) == pytest.approx(best):
        assert threshold == 0.5


def test_what_was_learnt_goes_through_the_card():
    targets = np.array([[1, 0], [0, 0], [0, 1]], dtype=np.float32)
    scores = np.array([[0.4, 0.1], [0.1, 0.2], [0.2, 0.9]], dtype=np.float32)
    learnt = TASK.fit_class_weights(targets).fit_thresholds(targets, scores)
    assert learnt.weights == [2, 2]
    assert learnt.thresholds == pytest.approx([0.3, 0.5])
    assert config.build(config.to_node(learnt), "card.task") == learnt
    np.testing.assert_array_equal(learnt.decide(scores), targets > 0)
    assert TASK.thresholds is None  # learning changes nothing in place


def test_what_was_learnt_for_other_classes_is_refused():
    learnt = MultiLabel(**CHOICES, weights=[1.0, 2.0], thresholds=[0.5, 0.5])
    with pytest.raises(UserError, match=r"^task multi_label has 2 thresholds for 3 classes; run dvc repro train$"):
        learnt.decide(np.zeros((1, 3)))
    with pytest.raises(UserError, match=r"^task multi_label has 2 weights for 3 classes; run dvc repro train$"):
        learnt.loss(torch.zeros(1, 3), torch.zeros(1, 3))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"class_weights": "some"}, r"^class_weights must be 'none', 'balanced' or 'effective', got 'some'$"),
        ({"max_class_weight": 0.5}, r"^max_class_weight must be at least 1, got 0\.5$"),
        ({"max_class_weight": float("nan")}, r"^max_class_weight must be a finite number, got nan$"),
        ({"weights": [1.0, 0.0]}, r"^weights\.1 must be above 0, got \[1\.0, 0\.0\]$"),
        ({"thresholds": [0.5, 1.1]}, r"^thresholds\.1 must be 0 to 1, got \[0\.5, 1\.1\]$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(MultiLabel, **{**CHOICES, **choices})
