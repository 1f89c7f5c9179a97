"""The histogram of colours, by hand."""

import numpy as np
import pytest
import torch
from file_options import from_file

from pipeline.models.encoders.color_histogram import ColorHistogram


def test_shares_by_hand():
    # of four pixels one is black, three are full red with no green and full blue: codes 0 and (1, 0, 1) = 5
    picture = torch.tensor([[0.0, 1, 1, 1], [0.0, 0, 0, 0], [0.0, 1, 1, 1]]).reshape(1, 3, 2, 2)
    expected = torch.zeros(8)
    expected[0], expected[5] = np.sqrt(1 / 4), np.sqrt(3 / 4)
    assert torch.allclose(ColorHistogram(num_bins=2)(picture)[0], expected)


def test_the_edges_of_the_bins():
    # of four bins, 0.25 opens the second, and 1 belongs to the last
    picture = torch.tensor([0.2499, 0.25, 0.9999, 1.0]).expand(1, 3, 1, 4)
    assert ColorHistogram(num_bins=4)(picture).nonzero()[:, 1].tolist() == [0, 21, 63]


def test_places_do_not_matter_and_lengths_are_one():
    batch = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    encoder = ColorHistogram(num_bins=8)
    found = encoder(batch)
    assert found.shape == (3, encoder.feature_dim) == (3, 512)
    assert torch.equal(found, encoder(batch.flip(3).transpose(2, 3)))
    assert torch.allclose(found.norm(dim=1), torch.ones(3))


@pytest.mark.parametrize("num_bins", [1, 17])
def test_refused_bins(num_bins):
    with pytest.raises(ValueError, match=rf"^num_bins must be 2 to 16, got {num_bins}$"):
        from_file(ColorHistogram, num_bins=num_bins)
