"""What every codec promises, whatever a sample is."""

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from films import film, moving_texture
from PIL import Image
from volume_examples import nifti, voxels

from pipeline.core import config
from pipeline.core.errors import ItemRejected
from pipeline.core.sample_codec import SampleCodec, SampleMeasurements, card_entries
from pipeline.images.decoding import content_hash
from pipeline.media.choice import codec_of_card, storage_of_card


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(moving_texture(0, 1)[0]).save(buffer, "PNG")
    return buffer.getvalue()


EXAMPLES: dict[str, Callable[[], bytes]] = {
    "image": picture,
    "clip": lambda: film(moving_texture(0, 12)),
    "volume": lambda: nifti(voxels((20, 24, 18)), np.diag([1.0, 1.0, 2.0, 1.0])),
}


@pytest.fixture(params=EXAMPLES)
def example(request: pytest.FixtureRequest) -> tuple[SampleCodec, bytes]:
    node = config.compose_option("media", request.param)
    codec: SampleCodec = config.build(node, "media").codec({"max_pixels": 10**6})
    return codec, EXAMPLES[request.param]()


def test_a_sample(example: tuple[SampleCodec, bytes]) -> None:
    codec, data = example
    sample = codec.decode(data)
    assert sample.dtype == np.uint8
    np.testing.assert_array_equal(codec.decode(data), sample)
    np.testing.assert_array_equal(codec.open(data).pixels, sample)
    found = codec.examine(data)
    assert isinstance(found, SampleMeasurements)
    assert found == codec.open(data).measure() or "nan" in repr(found)
    assert found.content_hash == content_hash(sample)
    spatial = sample.shape[:-1] if found.channels == 3 else sample.shape
    assert (found.height, found.width) == spatial[-2:]
    assert found.channels == (1 if codec.media == "volume" else 3)
    assert found.depth == (1 if codec.media == "image" else spatial[0])
    assert all(isinstance(value, float) for value in found.properties.values())
    header = codec.header(data)
    assert (header.height, header.width) == (found.height, found.width)


def test_what_is_shown_and_compared_are_pictures(example: tuple[SampleCodec, bytes]) -> None:
    codec, data = example
    sample, views = codec.decode_with_views(data)
    np.testing.assert_array_equal(sample, codec.decode(data))
    assert len({len(view) for view in views}) == 1
    for one in (codec.show(sample), *(picture for view in views for picture in view)):
        assert one.ndim == 2 or one.shape[2:] == (3,)
        assert one.std() > 1  # never a blank square


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_card_describes_codec_and_storage(example: tuple[SampleCodec, bytes], fit: str, channels: int) -> None:
    codec, data = example
    storage = codec.storage(16, fit, channels)
    assert storage.convert(codec.decode(data)).shape == storage.shape
    assert storage.shape[-3:] == (16, 16, channels)
    card: dict[str, Any] = {**codec.for_card(), **storage.for_card()}
    assert card_entries(card) == card
    assert codec_of_card(card) == codec
    assert storage_of_card(card) == storage


def test_it_goes_to_other_processes(example: tuple[SampleCodec, bytes]) -> None:
    codec, _ = example
    assert pickle.loads(pickle.dumps(codec)) == codec


@pytest.mark.parametrize("data", [b"", b"text", bytes(1000)])
def test_what_is_no_sample_is_refused(example: tuple[SampleCodec, bytes], data: bytes) -> None:
    codec, _ = example
    for read in (codec.decode, codec.examine, codec.open, codec.header, codec.decode_with_views):
        with pytest.raises(ItemRejected, match=r"^(empty|not_a_picture|not_a_clip|not_a_volume|truncated): "):
            read(data)


def test_left_and_right_are_exchanged_and_frames_keep_their_order(example: tuple[SampleCodec, bytes]) -> None:
    codec, data = example
    sample = codec.decode(data)
    mirrored = codec.mirror(sample)
    assert np.array_equal(mirrored, np.flip(sample, 1 if codec.media == "image" else 2))
    assert not np.array_equal(mirrored, sample)
    assert codec.show(mirrored).shape == codec.show(sample).shape
