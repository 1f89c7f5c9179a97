"""One label per sample: softmax, cross-entropy, the highest score."""

import math

import numpy as np
import pytest
import torch
from file_options import from_file

from pipeline.core.errors import UserError
from pipeline.training.tasks.single_label import SingleLabel

TASK = SingleLabel(label_smoothing=0.0)


def test_targets_stand_in_the_order_of_the_classes():
    found = TASK.targets([["b"], ["a"], ["c"]], ["c", "a", "b"])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[0, 0, 1], [0, 1, 0], [1, 0, 0]])
    assert TASK.targets([], ["a", "b"]).shape == (0, 2)


@pytest.mark.parametrize("labels", [["a", "b"], []])
def test_two_labels_or_none_are_refused(labels):
    with pytest.raises(UserError, match=r"takes one label per sample, found \[.*\]; use task=multi_label$"):
        TASK.targets([["a"], labels], ["a", "b"])


def test_loss_by_hand():
    # softmax of (0, ln 3) is (1/4, 3/4)
    logits, targets = torch.tensor([[0.0, math.log(3)], [0.0, math.log(3)]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert TASK.loss(logits, targets).item() == pytest.approx(-(math.log(3 / 4) + math.log(1 / 4)) / 2)


def test_label_smoothing_by_hand():
    # 0.2 spread over two classes: the target becomes (0.1, 0.9)
    logits, targets = torch.tensor([[0.0, math.log(3)]]), torch.tensor([[0.0, 1.0]])
    found = SingleLabel(label_smoothing=0.2).loss(logits, targets).item()
    assert found == pytest.approx(-(0.9 * math.log(3 / 4) + 0.1 * math.log(1 / 4)))


def test_probabilities_sum_to_one():
    found = TASK.probabilities(torch.tensor([[0.0, math.log(3), 0.0], [1000.0, 0.0, -1000.0]]))
    torch.testing.assert_close(found, torch.tensor([[0.2, 0.6, 0.2], [1.0, 0.0, 0.0]]))


def test_log_loss_by_hand():
    targets, scores = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.5, 0.5], [0.2, 0.8]])
    assert TASK.log_loss(targets, scores) == pytest.approx(-(math.log(0.5) + math.log(0.8)) / 2)
    assert TASK.log_loss(targets, targets) == 0


def test_log_loss_stays_finite_and_does_not_smooth():
    targets, scores = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert TASK.log_loss(targets, scores) == pytest.approx(-math.log(1e-7))
    assert SingleLabel(label_smoothing=0.5).log_loss(targets, targets) == 0


def test_log_loss_of_scores_that_are_not_numbers_is_not_a_number():
    assert np.isnan(TASK.log_loss(np.array([[1.0, 0.0]]), np.array([[np.nan, np.nan]])))


def test_one_class_is_decided_the_first_of_equals():
    scores = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]])
    found = TASK.decide(scores)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, [[False, True, False], [True, False, False]])
    assert TASK.decide(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("label_smoothing", [-0.1, 1.0, float("nan")])
def test_label_smoothing_is_a_share(label_smoothing):
    with pytest.raises(ValueError, match=r"^label_smoothing must be (at least 0 and below 1|a finite number), got"):
        from_file(SingleLabel, label_smoothing=label_smoothing)


def test_with_smoothing_a_score_is_pulled_towards_an_even_share():
    """Of a class that 99 of 100 such pictures have, the lowest loss is at 0.95 * 0.99 + 0.05 / 2."""
    task, chances = SingleLabel(label_smoothing=0.05), torch.tensor([0.99, 0.01], dtype=torch.float64)
    logits = (0.95 * chances + 0.05 / 2).log().requires_grad_()
    loss = sum(share * task.loss(logits[None], one[None]) for share, one in zip(chances, torch.eye(2), strict=True))
    (slope,) = torch.autograd.grad(loss, logits)
    assert slope.abs().max() < 1e-7
    assert task.probabilities(logits[None])[0].tolist() == pytest.approx([0.9655, 0.0345])
