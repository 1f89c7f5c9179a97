"""BYOL: its loss, and that it is as large as it should be at both ends."""

import numpy as np
import pytest
import torch
from pretraining_examples import make_packed

from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.augmentations.orthogonal import Orthogonal
from pipeline.training.objectives.byol import Byol
from pipeline.training.view_dataset import make_view_dataset

PRETEXT = Byol(decay=0.9, projection_dim=4, predictor=True, batch_norm=True, positives="view")


@pytest.fixture
def objective():
    torch.manual_seed(0)
    return PRETEXT.objective(Small(width=8), (3, 16, 16))


def cosine(one, other):
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


def test_the_loss_is_the_obvious_one(objective):
    outputs = torch.randn(6, 8, generator=torch.Generator().manual_seed(1))
    rows = outputs.double().numpy()
    prediction, target = rows[:, :4], rows[:, 4:]
    terms = []
    for picture in range(3):
        first, second = 2 * picture, 2 * picture + 1
        terms.append(2 - 2 * cosine(prediction[first], target[second]))
        terms.append(2 - 2 * cosine(prediction[second], target[first]))
    assert float(objective.loss(outputs)) == pytest.approx(np.mean(terms), rel=1e-5)


def test_the_loss_is_0_for_equal_directions_and_4_for_opposite_ones(objective):
    line = torch.tensor([1.0, 2.0, 0.0, 0.0])
    alike = torch.cat([3 * line, line]).expand(4, -1)
    assert float(objective.loss(alike)) == pytest.approx(0, abs=1e-6)
    assert float(objective.loss(torch.cat([-line, line]).expand(4, -1))) == pytest.approx(4)


def test_both_rows_of_a_pair_are_views_of_one_picture():
    transform = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
    flip = Orthogonal(horizontal_flip=True, vertical_flip=False, transpose=False)
    samples = make_view_dataset(make_packed(["train"] * 8), PRETEXT, transform, (flip,))
    (rows,) = samples.make_batch(np.arange(8), seed=0)
    pairs = rows.unflatten(0, (8, 2))
    equal = [torch.equal(one, two) or torch.equal(one, two.flip(-1)) for one, two in pairs]
    assert all(equal)
    assert not all(torch.equal(one, two) for one, two in pairs)
