"""Histograms of oriented gradients, by hand."""

import math

import pytest
import torch
from file_options import from_file

from pipeline.models.encoders.hog import Hog


def ramp(angle: float, side: int = 8) -> torch.Tensor:
    """Brightness that rises in one direction, (1, 3, side, side)."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    height = (math.cos(angle) * columns + math.sin(angle) * rows) / (2 * side)
    return height.expand(1, 3, side, side)


@pytest.mark.parametrize(
    ("angle", "direction"), [(0.1, 0), (math.pi / 4, 2), (math.pi / 2 + 0.1, 4), (math.pi - 0.1, 8)]
)
def test_a_ramp_votes_for_its_direction(angle, direction):
    # four cells of 4 x 4 make one block; the inner pixels all point one way. Of nine directions, 20 degrees each
    found = Hog(image_size=8, cell=4, num_orientations=9)(ramp(angle))[0].reshape(4, 9)
    assert found.argmax(dim=1).tolist() == [direction] * 4


def test_a_level_ramp_by_hand():
    # across, without rows: the inner columns of each cell, 3 of 4, vote; the border pixels have no gradient. All four
    # cells are alike, so each of the four numbers is 1/2 in the block, cut to 0.2, then 1/2 again
    encoder = Hog(image_size=8, cell=4, num_orientations=4)
    found = encoder(ramp(0.0))[0].reshape(4, 4)
    expected = torch.zeros(4, 4)
    expected[:, 0] = 0.5
    assert torch.allclose(found, expected, atol=1e-3)
    assert encoder.feature_dim == 16


def test_light_does_not_matter_and_a_blank_picture_is_zero():
    encoder = Hog(image_size=8, cell=4, num_orientations=9)
    picture = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(encoder(picture), encoder(0.5 * picture + 0.3), atol=1e-3)
    assert encoder(torch.full((1, 3, 8, 8), 0.5)).abs().max() == 0


def test_half_a_turn_keeps_the_directions():
    encoder = Hog(image_size=16, cell=8, num_orientations=9)
    picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    cells = encoder(picture).reshape(4, 9)
    turned = encoder(picture.flip(2, 3)).reshape(4, 9)
    assert torch.allclose(cells, turned.flip(0), atol=1e-5)  # the cells change places, their directions do not


def test_the_number_of_features():
    # 8 x 8 cells at 64 pixels: 7 x 7 blocks of 4 cells of 9 directions
    assert Hog(image_size=64, cell=8, num_orientations=9).feature_dim == 7 * 7 * 4 * 9 == 1764
    assert Hog(64, 8, 9)(torch.rand(2, 3, 64, 64)).shape == (2, 1764)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ((8, 1, 9), r"^image_size must be a multiple of cell and at least two cells, got 8 and 1$"),
        ((8, 8, 9), r"got 8 and 8$"),
        ((10, 4, 9), r"got 10 and 4$"),
        ((8, 4, 1), r"^num_orientations must be at least 2, got 1$"),
    ],
)
def test_refused_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(Hog, **dict(zip(("image_size", "cell", "num_orientations"), choices, strict=True)))
