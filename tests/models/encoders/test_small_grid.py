"""The grid of the small encoder: means of parts of the picture."""

import pytest
import torch

from pipeline.models.encoders.small import GridMean, Small


@pytest.mark.parametrize("shape", [(8, 8), (7, 5), (3, 9)])
@pytest.mark.parametrize("grid", [1, 2, 3])
def test_means_of_parts_agree_with_torch(shape, grid):
    x = torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(GridMean(grid)(x), torch.nn.functional.adaptive_avg_pool2d(x, grid))


def test_a_grid_says_where_something_is_and_the_mean_does_not():
    torch.manual_seed(0)
    x = torch.zeros(1, 3, 64, 64)
    x[..., 12:20, 12:20] = 1
    moved = x.roll((32, 32), dims=(-2, -1))
    whole, parts = Small(width=4).eval(), Small(width=4, grid=4).eval()
    assert (whole.feature_dim, parts.feature_dim) == (16, 256)
    assert parts(x).shape == (1, 256)
    torch.testing.assert_close(whole(x), whole(moved), atol=1e-5, rtol=1e-4)
    assert (parts(x) - parts(moved)).abs().max() > 0.01
