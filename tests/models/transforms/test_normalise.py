"""Centre crop and normalisation, by hand."""

import pytest
import torch
from file_options import from_file

from pipeline.core.errors import UserError
from pipeline.models.transforms.normalise import Normalise

MEAN, STD = [0.5, 0.25, 0.0], [0.5, 0.25, 1.0]


def test_by_hand():
    batch = torch.tensor([255, 0, 51], dtype=torch.uint8).view(1, 3, 1, 1)
    found = Normalise(image_size=1, mean=MEAN, std=STD)(batch)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.flatten(), torch.tensor([1.0, -1.0, 0.2]))


def test_every_value_is_pixel_over_255_less_mean_over_std():
    batch = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    found = Normalise(image_size=16, mean=MEAN, std=STD)(batch)
    mean, std = (torch.tensor(one).view(1, 3, 1, 1) for one in (MEAN, STD))
    torch.testing.assert_close(found, ((batch.double() / 255 - mean) / std).float(), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    ("height", "width", "top", "left"),
    [(4, 4, 1, 1), (2, 2, 0, 0), (5, 2, 1, 0), (3, 6, 0, 2)],
)
def test_the_centre_is_kept(height, width, top, left):
    batch = torch.arange(height * width, dtype=torch.uint8).view(1, 1, height, width)
    found = Normalise(image_size=2, mean=[0.0] * 3, std=[1.0] * 3)(batch)
    expected = batch[:, :, top : top + 2, left : left + 2].float() / 255
    torch.testing.assert_close(found[:, :1], expected)


def test_grey_is_repeated_and_normalised_per_channel():
    grey = torch.arange(16, dtype=torch.uint8).view(1, 1, 4, 4)
    transform = Normalise(image_size=4, mean=MEAN, std=STD)
    found = transform(grey)
    assert found.shape == (1, 3, 4, 4)
    torch.testing.assert_close(found, transform(grey.expand(1, 3, 4, 4)))


def test_the_input_is_left_alone():
    batch = torch.full((1, 3, 4, 4), 7, dtype=torch.uint8)
    Normalise(image_size=4, mean=MEAN, std=STD)(batch)
    assert (batch == 7).all()


@pytest.mark.parametrize(("height", "width"), [(7, 9), (9, 7)])
def test_pictures_must_be_large_enough(height, width):
    message = rf"packed at {height} x {width} pixels, smaller than the image_size 8 that the network takes; set"
    with pytest.raises(UserError, match=message):
        Normalise(image_size=8, mean=MEAN, std=STD)(torch.zeros(1, 3, height, width, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"image_size": 0}, r"^image_size must be at least 1, got 0$"),
        ({"mean": [0.5]}, r"^mean must have at least 3 items, got \[0\.5\]$"),
        ({"std": [1.0, 1.0]}, r"^std must have at least 3 items, got \[1"),
        ({"std": [1.0, 0.0, 1.0]}, r"^std\.1 must be above 0, got \[1\.0, 0\.0, 1\.0\]$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(Normalise, **{"image_size": 8, "mean": MEAN, "std": STD, **choices})
