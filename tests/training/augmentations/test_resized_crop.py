"""A random rectangle becomes the whole picture."""

import math

import pytest
import torch
from file_options import from_file

from pipeline.training.augmentations.resized_crop import ResizedCrop

COLUMNS = (8 * torch.arange(30)).to(torch.uint8).expand(40, 3, 20, 30).contiguous()  # 8 x the column
ROWS = (8 * torch.arange(20)).to(torch.uint8)[:, None].expand(40, 3, 20, 30).contiguous()


def cropped(batch, min_area, max_stretch, seed=0):
    return ResizedCrop(min_area=min_area, max_stretch=max_stretch)(batch, torch.Generator().manual_seed(seed))


def positions(length, share, place):
    """Where each of the new pixels looks, in old pixels: a part of this share, whose free room `place` divides."""
    first = place * (length - share * length)
    return [min(max(first + share * (one + 0.5) - 0.5, 0), length - 1) for one in range(length)]


def test_every_pixel_looks_where_the_rectangle_says():
    draws = torch.rand(4, 40, generator=torch.Generator().manual_seed(3)).tolist()
    across, down = (cropped(one, 0.2, 1.5, seed=3).int() for one in (COLUMNS, ROWS))
    for number, (area, stretch, x, y) in enumerate(zip(*draws, strict=True)):
        share, ratio = 0.2 + 0.8 * area, 1.5 ** (2 * stretch - 1)
        width, height = min(1, math.sqrt(share * ratio)), min(1, math.sqrt(share / ratio))
        wanted = [round(8 * one) for one in positions(30, width, x)]
        assert max(abs(a - b) for a, b in zip(across[number, 0, 7].tolist(), wanted, strict=True)) <= 1
        wanted = [round(8 * one) for one in positions(20, height, y)]
        assert max(abs(a - b) for a, b in zip(down[number, 2, :, 11].tolist(), wanted, strict=True)) <= 1


def test_a_quarter_of_the_picture_by_hand():
    """Half as wide and half as high: neighbours among the new pixels are half a pixel apart among the old."""
    found = cropped(COLUMNS[:, :, :, :20], 0.25, 1.0, seed=1)
    steps = (found[:, 0, 5, 12].int() - found[:, 0, 5, 7].int()) / 5 / 8
    assert steps.min() >= 0.48
    assert steps.max() <= 1.02
    assert steps.square().mean() == pytest.approx((0.25 + 1) / 2, abs=0.1)  # the area is uniform from 0.25 to 1


def test_the_whole_picture_is_the_picture():
    assert torch.equal(cropped(COLUMNS, 1.0, 1.0), COLUMNS)
    assert not torch.equal(cropped(COLUMNS, 1.0, 1.3), COLUMNS)


@pytest.mark.parametrize("shape", [(4, 1, 5, 9), (4, 3, 1, 1), (4, 3, 12, 2)])
def test_the_size_stays_and_no_value_is_new(shape):
    batch = torch.randint(50, 200, shape, generator=torch.Generator().manual_seed(0)).byte()
    found = cropped(batch, 0.1, 2.0)
    assert found.dtype == torch.uint8
    assert found.shape == batch.shape
    assert batch.min() <= found.min() <= found.max() <= batch.max()


def test_the_generator_decides_and_the_input_is_left_alone():
    before = COLUMNS.clone()
    assert torch.equal(cropped(COLUMNS, 0.3, 1.3, 1), cropped(COLUMNS, 0.3, 1.3, 1))
    assert not torch.equal(cropped(COLUMNS, 0.3, 1.3, 1), cropped(COLUMNS, 0.3, 1.3, 2))
    assert torch.equal(COLUMNS, before)
    first = cropped(COLUMNS, 0.3, 1.3, 1)
    assert len({tuple(one.flatten().tolist()) for one in first}) > 30  # each its own rectangle


@pytest.mark.parametrize(("name", "value"), [("min_area", 0.0), ("min_area", 1.1), ("max_stretch", 0.9)])
def test_ranges(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be (above 0 and at most 1|1 to 4), got"):
        from_file(ResizedCrop, **{"min_area": 0.5, "max_stretch": 1.0, name: value})
