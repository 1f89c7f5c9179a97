"""Three convolutions."""

import pytest
import torch
from file_options import from_file

from pipeline.models.encoders.small import Small


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("side", [1, 8, 17])
def test_feature_dim_is_the_width_of_the_output(width, side):
    encoder = Small(width=width).eval()
    assert encoder.feature_dim == 4 * width
    assert encoder(torch.zeros(2, 3, side, side)).shape == (2, 4 * width)


def test_the_number_of_parameters_by_hand():
    # kernels 3 x 3: 3 to 2, 2 to 4, 4 to 8 channels; scale and shift of 2 + 4 + 8 channels
    expected = 9 * (3 * 2 + 2 * 4 + 4 * 8) + 2 * (2 + 4 + 8)
    assert sum(one.numel() for one in Small(width=2).parameters()) == expected


def test_every_parameter_learns():
    torch.manual_seed(0)
    encoder = Small(width=4)
    encoder(torch.rand(4, 3, 8, 8)).square().sum().backward()
    assert all(one.grad.abs().sum() > 0 for one in encoder.parameters())


def test_width_is_at_least_one():
    with pytest.raises(ValueError, match=r"^width must be at least 1, got 0$"):
        from_file(Small, width=0)
