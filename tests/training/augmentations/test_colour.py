"""Saturation, hue and the colour of the light."""

import colorsys

import pytest
import torch
from file_options import from_file

from pipeline.training.augmentations.colour import Colour

BATCH = torch.randint(0, 256, (40, 3, 5, 6), generator=torch.Generator().manual_seed(0)).byte()
NONE = {"max_saturation": 0.0, "max_hue": 0.0, "max_cast": 0.0}


def drawn(seed=0, batch=BATCH, **strengths):
    return Colour(**(NONE | strengths))(batch, torch.Generator().manual_seed(seed))


def spread(batch):
    """Of the three channels, at each pixel."""
    return (batch.amax(dim=1).int() - batch.amin(dim=1).int()).float()


def test_the_light_multiplies_each_channel_by_its_own_factor():
    flat = torch.tensor([100, 120, 140], dtype=torch.uint8).view(1, 3, 1, 1).repeat(300, 1, 2, 2)
    found = drawn(batch=flat, max_cast=0.2)
    assert (found == found[:, :, :1, :1]).all()
    factors = found[:, :, 0, 0] / torch.tensor([100.0, 120.0, 140.0])
    assert factors.min() >= 0.79
    assert factors.max() <= 1.21
    assert (factors.amax(dim=0) - factors.amin(dim=0) > 0.35).all()
    assert torch.corrcoef(factors.T).abs().fill_diagonal_(0).max() < 0.2  # 0 expected, standard deviation 0.06


def test_the_light_is_clipped():
    white = torch.full((50, 3, 1, 1), 250, dtype=torch.uint8)
    assert (drawn(batch=white, max_cast=0.5) == 255).any()


def test_saturation_stretches_the_distance_from_grey():
    flat = torch.tensor([110, 120, 130], dtype=torch.uint8).view(1, 3, 1, 1).repeat(300, 1, 1, 1)
    found = spread(drawn(batch=flat, max_saturation=0.5))
    assert found.min() >= 9  # 20 x 0.5, each end rounded
    assert found.max() <= 31
    assert found.max() - found.min() > 15


def test_without_any_saturation_grey_is_left():
    assert spread(drawn(max_saturation=1.0)).mean(dim=(1, 2)).min() < 10
    assert spread(BATCH).mean(dim=(1, 2)).min() > 60


def test_hue_turns_and_keeps_saturation_and_value():
    flat = torch.tensor([200, 100, 50], dtype=torch.uint8).view(1, 3, 1, 1).repeat(300, 1, 1, 1)
    before = colorsys.rgb_to_hsv(200 / 255, 100 / 255, 50 / 255)
    after = [colorsys.rgb_to_hsv(*(one.flatten() / 255).tolist()) for one in drawn(batch=flat, max_hue=0.05)]
    turns = [hue - before[0] for hue, _, _ in after]
    assert min(turns) < -0.04
    assert max(turns) > 0.04
    assert max(map(abs, turns)) <= 0.055
    assert all(one[1:] == pytest.approx(before[1:], abs=0.02) for one in after)


def test_grey_pictures_are_left_as_they_are():
    strengths = {"max_saturation": 0.5, "max_hue": 0.1, "max_cast": 0.3}
    grey = BATCH[:, :1]
    assert torch.equal(drawn(batch=grey, **strengths), grey)
    assert spread(drawn(batch=grey.repeat(1, 3, 1, 1), max_saturation=0.5, max_hue=0.1)).max() <= 1


def test_the_number_of_channels_does_not_change_what_is_drawn_next():
    after = []
    for batch in (BATCH, BATCH[:, :1]):
        generator = torch.Generator().manual_seed(0)
        Colour(max_saturation=0.5, max_hue=0.1, max_cast=0.3)(batch, generator)
        after.append(torch.rand(1, generator=generator))
    assert after[0] == after[1]


def test_each_sample_has_its_own_draws():
    found = drawn(batch=BATCH[:1].repeat(8, 1, 1, 1), max_saturation=0.5, max_hue=0.1, max_cast=0.3)
    assert found.dtype == torch.uint8
    assert found.shape == (8, 3, 5, 6)
    assert len({tuple(one.flatten().tolist()) for one in found}) == 8


def test_the_generator_decides_and_the_input_is_left_alone():
    before, strengths = BATCH.clone(), {"max_saturation": 0.5, "max_hue": 0.1, "max_cast": 0.3}
    assert torch.equal(drawn(1, **strengths), drawn(1, **strengths))
    assert not torch.equal(drawn(1, **strengths), drawn(2, **strengths))
    assert torch.equal(BATCH, before)


@pytest.mark.parametrize(("name", "most"), [("max_saturation", "1"), ("max_hue", r"0\.5"), ("max_cast", "1")])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_strengths_within_their_bounds(name, most, value):
    with pytest.raises(ValueError, match=rf"^{name} must be (0 to {most}|a finite number), got"):
        from_file(Colour, **(NONE | {name: value}))
