"""Brightness and contrast by their formula."""

import pytest
import torch
from file_options import from_file

from pipeline.training.augmentations.exposure import Exposure

BATCH = torch.randint(0, 256, (50, 3, 6, 6), generator=torch.Generator().manual_seed(0)).byte()


def drawn(max_brightness, max_contrast, seed=0, batch=BATCH):
    exposure = Exposure(max_brightness=max_brightness, max_contrast=max_contrast)
    return exposure(batch, torch.Generator().manual_seed(seed))


def test_by_formula_with_the_draws_of_the_generator():
    draws = torch.rand(2, 50, 1, 1, 1, generator=torch.Generator().manual_seed(3)) * 2 - 1
    mean = BATCH.double().mean(dim=(1, 2, 3), keepdim=True)
    exact = mean + (1 + 0.5 * draws[1]) * (BATCH - mean) + 0.2 * 255 * draws[0]
    found = drawn(0.2, 0.5, seed=3)
    assert found.dtype == torch.uint8
    assert found.shape == BATCH.shape
    assert (found - exact.clamp(0, 255)).abs().max() <= 0.5 + 1e-3


def test_brightness_alone_adds_one_number_per_sample_within_its_bound():
    grey = torch.full((200, 1, 2, 2), 128, dtype=torch.uint8)
    shifts = drawn(0.1, 0.0, batch=grey)[:, 0].int() - 128
    assert all(len(one.unique()) == 1 for one in shifts)
    assert shifts.abs().max() <= 26  # 0.1 x 255 = 25.5
    assert shifts.min() < -20
    assert shifts.max() > 20


def test_contrast_alone_keeps_the_mean():
    batch = torch.tensor([100, 150], dtype=torch.uint8).view(1, 1, 1, 2).repeat(200, 1, 1, 1)
    found = drawn(0.0, 0.4, batch=batch).float()
    torch.testing.assert_close(found.mean(dim=(1, 2, 3)), torch.full((200,), 125.0), atol=0.5, rtol=0)
    distance = found[:, 0, 0, 1] - found[:, 0, 0, 0]
    assert distance.min() >= 29  # 0.6 x 50, rounded
    assert distance.max() <= 71
    assert distance.max() - distance.min() > 30


def test_pixels_are_clipped():
    found = drawn(1.0, 1.0)
    assert {0, 255} <= set(found.unique().tolist())


def test_no_strength_changes_nothing():
    assert torch.equal(drawn(0.0, 0.0), BATCH)


def test_each_sample_has_its_own_draws():
    same = BATCH[:1].repeat(8, 1, 1, 1)
    assert len({tuple(one.flatten().tolist()) for one in drawn(0.3, 0.3, batch=same)}) == 8


def test_the_generator_decides_and_the_input_is_left_alone():
    before = BATCH.clone()
    assert torch.equal(drawn(0.2, 0.2, 1), drawn(0.2, 0.2, 1))
    assert not torch.equal(drawn(0.2, 0.2, 1), drawn(0.2, 0.2, 2))
    assert torch.equal(BATCH, before)


@pytest.mark.parametrize("name", ["max_brightness", "max_contrast"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_strengths_are_shares(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be (0 to 1|a finite number), got"):
        from_file(Exposure, **{"max_brightness": 0.1, "max_contrast": 0.1, name: value})
