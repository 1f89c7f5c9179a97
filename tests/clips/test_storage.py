"""A clip as it is packed: every frame as a picture would be."""

import numpy as np
import pytest

from pipeline.clips.storage import ClipFormat
from pipeline.images.storage import SquareFormat


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("colour", [False, True])
def test_every_frame_alike(fit, channels, colour):
    square = SquareFormat(size=8, fit=fit, channels=channels)
    storage = ClipFormat(num_frames=3, square=square)
    sample = np.random.default_rng(0).integers(0, 256, (3, 12, 20, 3) if colour else (3, 12, 20), dtype=np.uint8)
    stored = storage.convert(sample)
    assert stored.shape == storage.shape == (3, 8, 8, channels)
    assert stored.dtype == np.uint8
    for frame, expected in zip(stored, sample, strict=True):
        np.testing.assert_array_equal(frame, square.convert(expected))


def test_another_number_of_frames():
    storage = ClipFormat(num_frames=3, square=SquareFormat(size=8, fit="crop", channels=3))
    with pytest.raises(ValueError, match=r"^2 frames where 3 are stored$"):
        storage.convert(np.zeros((2, 8, 8), np.uint8))
    assert storage.for_card() == {"size": 8, "channels": 3, "fit": "crop"}
