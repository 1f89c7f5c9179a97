"""The learning rate grows by one factor, and the ramp ends where training falls apart."""

import numpy as np
import pytest
import torch
from train_choices import RAMP

from pipeline.models.encoders.small import Small
from pipeline.training.lr_range_test import DIVERGED, SMOOTHING, LearningRateRangeTest
from pipeline.training.risks.mean import Mean
from pipeline.training.tasks.single_label import SingleLabel

CHOICES = {
    "lowest": 1e-5,
    "highest": 1.0,
    "num_steps": 40,
    **RAMP,
}


def ramp(stripes, **choices):
    torch.manual_seed(0)
    return LearningRateRangeTest(**{**CHOICES, **choices})(
        Small(width=2), SingleLabel(label_smoothing=0.0), Mean(), stripes(48)
    )


def test_rates_grow_by_one_factor_and_the_mean_is_without_the_first_steps_bias(stripes):
    rows = ramp(stripes)
    rates = np.array([row["learning_rate"] for row in rows])
    np.testing.assert_allclose(rates, 1e-5 * (1e5 ** (np.arange(len(rows)) / 39)))
    first, second = rows[0]["loss"], rows[1]["loss"]
    assert rows[0]["smoothed"] == pytest.approx(first)
    expected = (SMOOTHING * first + second) / (1 + SMOOTHING)
    assert rows[1]["smoothed"] == pytest.approx(expected)


def test_it_goes_round_train_as_often_as_it_takes(stripes):
    assert len(ramp(stripes, highest=1e-3)) == 40  # six batches to a pass


def test_it_ends_where_training_falls_apart(stripes):
    rows = ramp(stripes, highest=1e6, num_steps=80)
    assert len(rows) < 80
    smoothed = [row["smoothed"] for row in rows]
    assert all(one <= DIVERGED * min(smoothed[: place + 1]) for place, one in enumerate(smoothed[:-1]))
    assert np.isfinite(smoothed).all()


def test_the_same_seed_gives_the_same_rows_and_the_callers_state_is_left(stripes):
    rows = ramp(stripes)
    state = torch.get_rng_state()
    encoder = Small(width=2)
    torch.set_rng_state(state)
    LearningRateRangeTest(**CHOICES)(encoder, SingleLabel(label_smoothing=0.0), Mean(), stripes(48))
    assert torch.equal(torch.get_rng_state(), state)
    assert rows == ramp(stripes)
    assert rows != ramp(stripes, seed=1)


def test_layers_below_the_head_learn_slower(stripes):
    def first_layer_after(layer_decay):
        torch.manual_seed(0)
        encoder = Small(width=2)
        before = encoder.body[0].weight.detach().clone()
        task = SingleLabel(label_smoothing=0.0)
        LearningRateRangeTest(**{**CHOICES, "layer_decay": layer_decay, "highest": 1e-3})(
            encoder, task, Mean(), stripes(48)
        )
        return (encoder.body[0].weight - before).abs().max().item()

    assert first_layer_after(0.1) < 0.01 * first_layer_after(None)
