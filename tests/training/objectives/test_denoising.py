"""Denoising: all pixels of the picture behind a view count, at their own places, and are found better with training."""

import numpy as np
import pytest
import torch
from reconstruction_examples import TRANSFORM, gradients, losses, make_samples

from pipeline.core.errors import UserError
from pipeline.models.encoders.small import Small
from pipeline.training.augmentations.erasing import Erasing
from pipeline.training.augmentations.orthogonal import Orthogonal
from pipeline.training.augmentations.shift import Shift
from pipeline.training.objectives.denoising import Denoising
from pipeline.training.pretraining import refuse_unfit

DENOISING = Denoising(width=8)
ERASING = Erasing(probability=1.0, max_area=0.3)


def test_the_view_goes_in_and_the_picture_is_the_target():
    samples = make_samples(DENOISING, ERASING, number=4)
    rows, clean = samples.make_batch(np.arange(4), seed=3)
    stored = torch.from_numpy(samples.images[samples.rows].copy()).movedim(-1, 1)
    assert torch.equal(clean, TRANSFORM(stored))
    changed = (rows != clean).any(dim=1).flatten(1).float().mean(dim=1)
    assert (changed > 0.01).all()
    assert (changed < 0.4).all()
    again, _ = samples.make_batch(np.arange(4), seed=3)
    assert torch.equal(rows, again)


def test_the_loss_is_the_mean_squared_error():
    generator = torch.Generator().manual_seed(0)
    clean, outputs = torch.randn(2, 3, 8, 8, generator=generator), torch.randn(2, 192, generator=generator)
    objective = DENOISING.objective(Small(4), (3, 8, 8))
    expected = np.mean((outputs.numpy().reshape(2, 3, 8, 8) - clean.numpy()) ** 2)
    assert objective.loss(outputs, clean).item() == pytest.approx(expected, rel=1e-5)


def test_gradients_reach_encoder_and_decoder():
    found = gradients(DENOISING, Small(8), ERASING)
    assert {name.partition(".")[0] for name in found} == {"encoder", "head"}
    assert min(found.values()) > 0


def test_stripes_are_restored():
    """One colour leaves 1.09, the noise of the pictures 0.2."""
    torch.manual_seed(0)
    found = losses(DENOISING, Small(8), ERASING, epochs=16)
    assert found[0] > 0.9
    assert found[-1] < 0.8


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ({}, r"^views is empty, so there is nothing to restore; name some of conf/views/ that move no pixels, such as"),
        (
            {
                "erasing": ERASING,
                "mirror": Orthogonal(horizontal_flip=True, vertical_flip=False, transpose=False),
                "shift": Shift(max_fraction=0.03),
            },
            r"^views move pixels \(mirror, shift\), and each pixel of a view is compared with the pixel of the pict",
        ),
    ],
)
def test_views_from_which_nothing_can_be_restored_are_refused(views, message):
    with pytest.raises(UserError, match=message):
        refuse_unfit(DENOISING, views, Small(4))
    refuse_unfit(DENOISING, {"erasing": ERASING}, Small(4))
