"""Weights of cells grow with their loss, as in algorithm 1 of Sagawa et al. 2020."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from file_options import from_file

from pipeline.core.errors import UserError
from pipeline.training.risks.group_dro import GroupDro
from pipeline.training.tasks.single_label import SingleLabel

TASK = SingleLabel(label_smoothing=0.0)


def dro(step_size=0.5):
    return GroupDro(by="attr_site", num_bins=2, step_size=step_size)


def test_cells_are_label_and_value():
    index = pd.DataFrame({"attr_site": list("xyxyxyxy")})
    # combinations of labels in the order of their rows: (0, 1) before (1, 0)
    assert dro().cells(np.eye(2)[[0, 0, 1, 1, 0, 1, 1, 0]], index).tolist() == [2, 3, 0, 1, 2, 1, 0, 3]


def test_more_cells_than_could_be_learnt_are_refused():
    targets = np.array([[0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [0, 0, 1], [0, 1, 0]])
    with pytest.raises(
        UserError, match=r"^risk\.by: labels and attr_site make 6 cells of 6 samples, .*sampling=balanced"
    ):
        dro().cells(targets, pd.DataFrame({"attr_site": list("xxxyyy")}))
    twice = dro().cells(np.vstack([targets, targets]), pd.DataFrame({"attr_site": list("xxxyyyxxxyyy")}))
    assert np.bincount(twice).tolist() == [2] * 6


def test_an_unknown_nuisance():
    with pytest.raises(UserError, match=r"^risk\.by names 'attr_site', .*; expected one of prop_noise$"):
        dro().cells(np.eye(2), pd.DataFrame({"prop_noise": [1.0, 2.0]}))


def test_one_step_by_hand():
    # probability of the truth 1/2, 1/2 in cell 0 and 4/5 in cell 2; cell 1 is absent from the batch
    logits = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, math.log(4)]])
    targets, cells = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 0, 2])
    before = torch.full((3,), 1 / 3, dtype=torch.float64)
    value, weights = dro()(TASK, logits, targets, cells, before)
    grown = np.array([2**0.5, 1.0, 1.25**0.5]) / 3  # exp(0.5 ln 2), exp(0), exp(0.5 ln 5/4)
    expected = grown / grown.sum()
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    assert value.item() == pytest.approx(expected[0] * math.log(2) + expected[2] * math.log(1.25))
    assert before.tolist() == [1 / 3] * 3


def test_many_steps_against_a_slow_reference():
    generator = torch.Generator().manual_seed(0)
    weights, slow = torch.full((4,), 0.25, dtype=torch.float64), [0.25] * 4
    for _ in range(20):
        logits = torch.randn(9, 2, generator=generator)
        truth = torch.randint(0, 2, (9,), generator=generator)
        cells = torch.randint(0, 4, (9,), generator=generator)
        value, weights = dro()(TASK, logits, torch.eye(2)[truth], cells, weights)
        each = [-math.log(row.softmax(0)[one].item()) for row, one in zip(logits, truth.tolist(), strict=True)]
        losses = [0.0] * 4
        for cell in range(4):
            inside = [loss for loss, one in zip(each, cells.tolist(), strict=True) if one == cell]
            losses[cell] = sum(inside) / len(inside) if inside else 0.0
        slow = [weight * math.exp(0.5 * loss) for weight, loss in zip(slow, losses, strict=True)]
        slow = [weight / sum(slow) for weight in slow]
        np.testing.assert_allclose(weights, slow, rtol=1e-5)
        assert value.item() == pytest.approx(sum(w * loss for w, loss in zip(slow, losses, strict=True)), rel=1e-5)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"by": "brightness"}, r"^by must name a property \(prop_brightness\) or an attribute .*, got 'brightness'$"),
        ({"num_bins": 1}, r"^num_bins must be at least 2, got 1$"),
        ({"step_size": 0.0}, r"^step_size must be above 0, got 0\.0$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(GroupDro, **({"by": "attr_site", "num_bins": 2, "step_size": 0.01} | choices))
