"""Pictures of any size are made from feature vectors."""

import itertools

import pytest
import torch
from torch import nn

from pipeline.core.errors import UserError
from pipeline.models.encoders.small import Small
from pipeline.training.objectives.decoder import Reconstruction, make_decoder


@pytest.mark.parametrize("side", [8, 9, 28, 33, 96, 100])
def test_a_picture_of_any_side_is_made_from_a_small_one(side):
    decoder = make_decoder(5, (side, side), width=2)
    made = decoder(torch.randn(3, 5))
    assert made.shape == (3, 3 * side * side)
    assert made.view(3, 3, side, side).std(dim=(2, 3)).min() > 0
    sides = [one.size[0] for one in decoder if isinstance(one, nn.Upsample)]
    assert sides[-1] == side
    assert all(larger in (2 * smaller, 2 * smaller - 1) for smaller, larger in itertools.pairwise(sides))


def test_sides_of_a_picture_may_differ():
    assert make_decoder(5, (9, 20), width=2)(torch.randn(2, 5)).shape == (2, 3 * 9 * 20)


def test_a_reconstruction_has_the_order_of_the_picture():
    network = Reconstruction(Small(4), (3, 8, 8), width=2).eval()
    with torch.no_grad():
        network.head[-2].weight.zero_()
        network.head[-2].bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    made = network(torch.randn(2, 3, 8, 8)).view(2, 3, 8, 8)
    assert [made[:, channel].unique().tolist() for channel in range(3)] == [[1], [2], [3]]


@pytest.mark.parametrize("shape", [(3, 7, 7), (3, 16, 4)])
def test_a_picture_too_small_for_a_decoder_is_refused(shape):
    with pytest.raises(UserError, match=r"decoder makes pictures of 8 x 8 pixels or more, found \d+ x \d; set image_"):
        Reconstruction(Small(4), shape, width=2)
