"""Three convolutions over three axes."""

import pytest
import torch
from file_options import from_file

from pipeline.models.encoders.conv3d_small import Conv3dSmall


@pytest.mark.parametrize("shape", [(1, 1, 1), (16, 28, 28), (7, 9, 33)])
def test_samples_of_any_size(shape):
    encoder = Conv3dSmall(width=2).eval()
    assert encoder(torch.zeros(2, 3, *shape)).shape == (2, encoder.feature_dim) == (2, 8)


def test_the_number_of_parameters_by_hand():
    # kernels 3 x 3 x 3: 3 to 16, 16 to 32, 32 to 64 channels; scale and shift of 16 + 32 + 64 channels
    expected = 27 * (3 * 16 + 16 * 32 + 32 * 64) + 2 * (16 + 32 + 64)
    assert expected == 70_640
    assert sum(one.numel() for one in Conv3dSmall(width=16).parameters()) == expected


def test_every_parameter_learns_and_one_channel_is_the_first():
    torch.manual_seed(0)
    encoder = Conv3dSmall(width=2, in_channels=1)
    batch = torch.rand(3, 3, 4, 8, 8)
    encoder(batch).square().sum().backward()
    assert all(one.grad.abs().sum() > 0 for one in encoder.parameters())
    encoder.eval()
    assert torch.equal(encoder(batch), encoder(batch[:, :1].expand_as(batch)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"width": 0}, r"^width must be at least 1, got 0$"),
        ({"width": 2, "in_channels": 2}, r"^in_channels must be 1 or 3, got 2$"),
    ],
)
def test_wrong_options(values, message):
    with pytest.raises(ValueError, match=message):
        from_file(Conv3dSmall, **values)
