"""A batch that does not fit: named in one line, or halved, with the weights of the halves."""

import numpy as np
import pytest
import torch
from torch import nn
from train_choices import CHOICES

from pipeline.core.errors import UserError
from pipeline.training.checkpoints import Checkpoints
from pipeline.training.risks.mean import Mean
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.finetune import FineTune

TASK = SingleLabel(label_smoothing=0.0)
OPTIONS = {**CHOICES, "epochs": 2, "batch_size": 16, "dropout": 0.2, "checkpoint_seconds": 0}


class Bounded(nn.Module):
    """Two convolutions without batch normalisation, in a memory of so many pictures; in training only."""

    feature_dim = 8

    def __init__(self, largest, good_calls=0):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2), nn.AdaptiveMaxPool2d(1), nn.Flatten()
        )
        self.largest, self.good_calls, self.sizes = largest, good_calls, []

    def forward(self, x):
        if self.training:
            self.sizes.append(len(x))
            if len(x) > self.largest and len(self.sizes) > self.good_calls:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return self.body(x)


@pytest.fixture
def fit(stripes):
    def build(encoder, checkpoints=None, **choices):
        return FineTune(**{**OPTIONS, **choices}).fit(
            encoder, TASK, Mean(), stripes(48), stripes(8, seed=1), lambda epoch, figures: None, checkpoints
        )

    return build


def weights(predictor):
    return torch.cat([value.flatten() for value in predictor.network.state_dict().values()])


@pytest.mark.parametrize(("largest", "accumulation", "parts"), [(8, 1, 2), (5, 1, 4), (2, 2, 16)])
def test_the_line_names_the_largest_batch_that_fits(fit, largest, accumulation, parts):
    fits = 16 * accumulation // parts
    message = (
        rf"^a batch of 16 does not fit into the GPU's memory at step 1, but one of {fits} does; set "
        rf"train\.batch_size={fits} and train\.accumulation={parts} for the same steps, or train\.halve_batch=true$"
    )
    with pytest.raises(UserError, match=message):
        fit(Bounded(largest), accumulation=accumulation)
    _, history = fit(Bounded(largest), batch_size=fits, accumulation=parts)  # the advice is good
    assert len(history) == 2


def test_the_line_where_nothing_fits(fit):
    with pytest.raises(UserError, match=r"at step 1, nor does one of 2; lower image_size or take a smaller enc"):
        fit(Bounded(1))
    with pytest.raises(UserError, match=r"^a batch of 2 does not fit .* nor does one of 2; "):
        fit(Bounded(1), halve_batch=True)


@pytest.mark.parametrize("good_calls", [0, 4])  # at the first step, and in the second epoch
def test_halves_give_what_the_smaller_batch_gives(fit, tmp_path, good_calls):
    encoder, lines = Bounded(4, good_calls), []
    kept = Checkpoints(tmp_path / "key", lines.append)
    halved, history = fit(encoder, kept, halve_batch=True)
    plain, expected = fit(Bounded(16), batch_size=4, accumulation=4)
    assert torch.equal(weights(halved), weights(plain))
    assert history == expected
    assert kept.latest()[1]["step"] == 6  # two epochs of 48 samples, 16 to a step: as many as without halves
    assert kept.latest()[1]["halvings"] == 2
    again, same = fit(encoder, kept, halve_batch=True)
    assert torch.equal(weights(again), weights(plain))
    assert same == expected
    assert lines == []


@pytest.mark.parametrize("accumulation", [2, 4, 8])
def test_accumulated_batches_are_one_batch_up_to_rounding(fit, accumulation):
    """No batch normalisation and no dropout: the mean over all samples of a step is the same, in other parts."""
    one, history = fit(Bounded(16), dropout=0.0)
    parts, same = fit(Bounded(16), dropout=0.0, batch_size=16 // accumulation, accumulation=accumulation)
    torch.testing.assert_close(weights(parts), weights(one), atol=1e-5, rtol=1e-4)
    for row, other in zip(history, same, strict=True):
        assert other == pytest.approx(row, abs=1e-5)
    assert np.isfinite(history[-1]["train_loss"])
