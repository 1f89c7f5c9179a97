"""Small pictures by hand, and no look at all."""

import pytest
import torch
from file_options import from_file

from pipeline.core.errors import UserError
from pipeline.models.encoders.color_histogram import ColorHistogram
from pipeline.models.encoders.constant import Constant
from pipeline.models.encoders.hog import Hog
from pipeline.models.encoders.pixels import Pixels


def test_means_of_equal_parts_by_hand():
    one = torch.arange(16.0).reshape(1, 1, 4, 4)
    picture = torch.cat([one, one + 100, one + 200], dim=1)
    corners = [2.5, 4.5, 10.5, 12.5]
    assert Pixels(side=2, grey=False)(picture)[0].tolist() == [c + plus for plus in (0, 100, 200) for c in corners]
    assert Pixels(side=2, grey=True)(picture)[0].tolist() == [c + 100 for c in corners]


@pytest.mark.parametrize("grey", [True, False])
def test_the_length_is_as_told(grey):
    encoder = Pixels(side=5, grey=grey)
    assert encoder(torch.rand(3, 3, 17, 17)).shape == (3, encoder.feature_dim)


def test_nothing_is_seen():
    assert torch.equal(Constant()(torch.rand(4, 3, 8, 8)), torch.zeros(4, 1))


def test_refused():
    with pytest.raises(ValueError, match=r"^side must be at least 1, got 0$"):
        from_file(Pixels, side=0, grey=True)
    with pytest.raises(
        UserError,
        match=r"^encoder=color_histogram takes pictures with values from 0 to 1, found others; set transform=unit$",
    ):
        ColorHistogram(num_bins=4)(torch.full((1, 3, 4, 4), -0.5))
    with pytest.raises(UserError, match=r"^encoder=hog takes 8 x 8 pixels, found 16 x 16; set only image_size"):
        Hog(image_size=8, cell=4, num_orientations=4)(torch.zeros(1, 3, 16, 16))
