"""The input example of a served model is read by the codec of its media, without loss."""

import numpy as np
import pytest

from pipeline.core import config
from pipeline.media.choice import codec_of_card, media_of_card
from pipeline.media.encoded_example import encode_example

CARDS = {
    media: {"max_pixels": 10_000, "media": config.compose_option("media", media)}
    for media in ("clip", "image", "volume")
}


@pytest.mark.parametrize(("media", "shape"), [("image", (9, 8)), ("clip", (16, 9, 8)), ("volume", (7, 9, 8))])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_stored_is_what_is_read(media, shape, channels):
    plane = np.random.default_rng(0).integers(0, 256, (*shape, 1), dtype=np.uint8)
    plane.flat[:2] = 0, 255  # of a volume all of its values are kept
    stored = np.repeat(plane, channels, axis=-1)
    assert media_of_card(CARDS[media]) == media
    decoded = codec_of_card(CARDS[media]).decode(encode_example(media, stored))
    np.testing.assert_array_equal(decoded if decoded.ndim == len(shape) else decoded[..., 0], stored[..., 0])


def test_a_card_of_a_time_before_there_were_clips_is_of_pictures():
    assert media_of_card({"max_pixels": 10}) == "image"
