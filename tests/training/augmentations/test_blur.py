"""A Gaussian of its own width over each sample."""

import numpy as np
import pytest
import torch
from file_options import from_file
from scipy.ndimage import gaussian_filter

from pipeline.training.augmentations.blur import Blur

BATCH = torch.randint(0, 256, (10, 3, 24, 30), generator=torch.Generator().manual_seed(0)).byte()


def drawn(max_sigma, seed=0, batch=BATCH):
    return Blur(max_sigma=max_sigma)(batch, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("channels", [1, 3])
def test_against_another_gaussian_of_the_width_that_the_generator_drew(channels):
    batch = BATCH[:, :channels]
    sigmas = torch.rand(10, generator=torch.Generator().manual_seed(3)) * 0.1 * 24  # of the shorter side
    found = drawn(0.1, 3, batch)
    assert found.dtype == torch.uint8
    assert found.shape == batch.shape
    for one, picture, sigma in zip(found, batch, sigmas.tolist(), strict=True):
        radius = int(np.ceil(3 * sigma))
        exact = [gaussian_filter(plane.astype(float), sigma, mode="mirror", radius=radius) for plane in picture.numpy()]
        assert np.abs(one.numpy() - np.stack(exact)).max() <= 1  # one rounds once, the other not


def test_widths_are_spread_from_none_to_the_largest():
    point = torch.zeros(200, 1, 25, 25, dtype=torch.uint8)
    point[:, 0, 12, 12] = 255
    peaks = drawn(0.04, batch=point)[:, 0, 12, 12].int()
    assert peaks.max() == 255
    assert 35 <= peaks.min() <= 45  # 255 / (2 pi) at a standard deviation of one pixel
    assert len(peaks.unique()) > 20


def test_what_is_uniform_stays_so():
    flat = torch.full((20, 3, 6, 6), 131, dtype=torch.uint8)
    assert torch.equal(drawn(0.1, batch=flat), flat)


@pytest.mark.parametrize("side", [1, 2, 3])
def test_tiny_pictures(side):
    batch = torch.randint(0, 256, (5, 1, side, side), generator=torch.Generator().manual_seed(0)).byte()
    assert drawn(0.1, batch=batch).shape == batch.shape


def test_the_generator_decides_and_the_input_is_left_alone():
    before = BATCH.clone()
    assert torch.equal(drawn(0.05, 1), drawn(0.05, 1))
    assert not torch.equal(drawn(0.05, 1), drawn(0.05, 2))
    assert torch.equal(BATCH, before)


@pytest.mark.parametrize("value", [0.0, 0.11, float("nan")])
def test_the_width_is_a_small_share_of_the_side(value):
    with pytest.raises(ValueError, match=r"^max_sigma must be (above 0 and at most 0\.1|a finite number), got"):
        from_file(Blur, max_sigma=value)
