"""Slopes and offsets that make logits as sure as they are right."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.training.calibration import calibrate
from pipeline.training.tasks.multi_label import MultiLabel
from pipeline.training.tasks.single_label import SingleLabel

ONE = SingleLabel(label_smoothing=0.0)
MANY = MultiLabel()


def loss(task, targets, logits):
    return task.log_loss(targets, task.probabilities(torch.from_numpy(logits)).numpy())


def drawn(num, true_logits, seed):
    """Targets drawn from softmax(true logits), one per row."""
    scores = torch.from_numpy(true_logits).softmax(dim=1).numpy()
    chosen = (np.random.default_rng(seed).random((num, 1)) > scores.cumsum(axis=1)).sum(axis=1)
    return np.eye(scores.shape[1], dtype=np.float32)[np.minimum(chosen, scores.shape[1] - 1)]


@pytest.fixture(scope="module")
def overconfident():
    """Logits three times too sure, with a bias; val to learn from and as many others to judge."""
    true = np.random.default_rng(0).normal(0, 1.5, (4000, 3))
    targets = drawn(4000, true, 1)
    logits = (true - [0.8, 0.0, -0.4]) * 3
    return (logits[:2000], targets[:2000]), (logits[2000:], targets[2000:])


def test_what_was_done_to_the_logits_is_undone(overconfident):
    val, test = overconfident
    slopes, offsets = calibrate(*val, True, "sigmoid")
    assert slopes == pytest.approx([1 / 3] * 3, rel=0.1)
    assert offsets - offsets[1] == pytest.approx([0.8, 0.0, -0.4], abs=0.2)
    warm, _ = calibrate(*val, True, "temperature")
    before = loss(ONE, test[1], test[0])
    half = loss(ONE, test[1], test[0] * warm)
    after = loss(ONE, test[1], test[0] * slopes + offsets)
    assert half < before - 0.5  # 1.66 uncalibrated
    assert after < half - 0.02


def test_none_leaves_them(overconfident):
    slopes, offsets = calibrate(*overconfident[0], True, "none")
    assert (slopes == 1).all()
    assert (offsets == 0).all()


def test_of_two_classes_it_is_platts_sigmoid():
    """Against scikit-learn's logistic regression on the margin, which is the same model without the weak prior."""
    from sklearn.linear_model import LogisticRegression

    margins = np.random.default_rng(0).normal(0, 2, 3000)
    true = np.stack([-margins / 4, margins / 4 + 0.7], axis=1)
    targets = drawn(3000, true, 2)
    logits = np.stack([-margins / 2, margins / 2], axis=1)
    slopes, offsets = calibrate(logits, targets, True, "sigmoid")
    platt = LogisticRegression(C=1e6).fit(margins[:, None], targets[:, 1])
    assert slopes[0] == pytest.approx(platt.coef_[0, 0], abs=0.01)
    assert offsets[1] - offsets[0] == pytest.approx(platt.intercept_[0], abs=0.01)


def test_labels_that_come_together_have_a_slope_each():
    generator = np.random.default_rng(0)
    true = generator.normal(0, 1.5, (4000, 2))
    targets = (generator.random((4000, 2)) < 1 / (1 + np.exp(-true))).astype(np.float32)
    logits = true * [4.0, 0.5] - [1.0, 0.0]
    slopes, offsets = calibrate(logits[:2000], targets[:2000], False, "sigmoid")
    assert slopes == pytest.approx([0.25, 2.0], rel=0.15)
    assert offsets == pytest.approx([0.25, 0.0], abs=0.15)
    test = targets[2000:], logits[2000:]
    assert loss(MANY, test[0], test[1] * slopes + offsets) < loss(MANY, *test) - 0.1


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 12),
    st.integers(2, 4),
    st.integers(0, 99),
    st.booleans(),
    st.sampled_from(["temperature", "sigmoid"]),
)
def test_any_val_gives_bounded_numbers_that_keep_the_order(num, num_classes, seed, exclusive, kind):
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 14, (num, num_classes))
    targets = np.eye(num_classes, dtype=np.float32)[generator.integers(0, num_classes, num)]
    slopes, offsets = calibrate(logits, targets, exclusive, kind)
    assert np.isfinite([*slopes, *offsets]).all()
    assert (slopes > 0).all()
    assert np.abs(offsets).max() < 40
    task = ONE if exclusive else MANY
    assert (
        loss(task, targets, logits * slopes + offsets) <= loss(task, targets, logits) + 0.5 / num
    )  # the prior's price


def test_a_class_that_val_lacks_stays_possible(overconfident):
    logits, targets = overconfident[0]
    kept = targets[:, 2] == 0
    slopes, offsets = calibrate(logits[kept], targets[kept], True, "sigmoid")
    scores = ONE.probabilities(torch.from_numpy(logits * slopes + offsets)).numpy()
    assert 0 < scores[:, 2].mean() < 0.02
