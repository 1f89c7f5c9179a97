"""The form in which pictures are stored."""

import numpy as np
import pytest

from pipeline.images.storage import SquareFormat, resize

WIDE = np.repeat(np.array([[0, 255]], dtype=np.uint8), 10, axis=0).repeat(10, axis=1)  # 10 x 20, right half white


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [5, 16, 40])
def test_is_square(noise, channels, fit, size):
    shape = (size, size) if channels == 1 else (size, size, 3)
    resized = resize(noise(channels=channels), size, fit)
    assert (resized.shape, resized.dtype) == (shape, np.uint8)


def test_crop_keeps_the_centre():
    np.testing.assert_array_equal(resize(WIDE, 10, "crop"), WIDE[:, 5:15])


def test_pad_keeps_everything_and_adds_black():
    padded = resize(WIDE, 20, "pad")
    np.testing.assert_array_equal(padded[5:15], WIDE)
    assert not padded[:5].any()
    assert not padded[15:].any()


def test_stretch_keeps_everything():
    stretched = resize(WIDE, 10, "stretch")
    assert (stretched[:, :4] == 0).all()
    assert (stretched[:, 6:] == 255).all()


def test_reducing_averages_instead_of_picking():
    board = np.indices((64, 64)).sum(axis=0) % 2 * np.uint8(255)
    assert np.abs(resize(board.astype(np.uint8), 8, "stretch")[1:-1, 1:-1].astype(int) - 127).max() <= 8


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("stored", [1, 3])
def test_a_converted_picture_has_the_shape_and_grey_is_repeated(noise, channels, stored):
    storage = SquareFormat(size=8, fit="crop", channels=stored)
    found = storage.convert(noise(0, height=10, width=14, channels=channels))
    assert storage.shape == (8, 8, stored)
    assert (found.shape, found.dtype) == (storage.shape, np.uint8)
    assert (found == found[:, :, :1]).all() == (1 in (channels, stored))


def test_a_card_tells_the_format():
    card = {"size": 8, "fit": "pad", "channels": 1, "max_pixels": 5, "classes": []}
    found = SquareFormat.of_card(card)
    assert found == SquareFormat(size=8, fit="pad", channels=1)
    assert SquareFormat.of_card(found.for_card()) == found
