"""What a sample is: by the parameters, and by the card of a predictor."""

import json

import numpy as np
import pytest

from pipeline.core import config
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.sample_codec import FileSet, card_entries
from pipeline.images.decoding import Decoding, content_hash
from pipeline.images.storage import SquareFormat
from pipeline.media.choice import build_media, codec_of_card, media_of_card, media_of_params, storage_of_card
from pipeline.media.image import Image
from pipeline.media.picture_codec import PictureCodec

CARD = {"classes": ["a"], "size": 8, "channels": 3, "fit": "pad", "max_pixels": 99, "grey_scale": [0.0, 4095.0]}


def test_pictures_are_the_media_of_parameters_and_cards_that_name_none():
    assert build_media({}) == build_media({"media": {"_target_": "pipeline.media.image.Image"}}) == Image()
    assert codec_of_card(CARD) == PictureCodec(decoding=Decoding.of_card(CARD))
    assert storage_of_card(CARD) == SquareFormat(size=8, fit="pad", channels=3)


def test_a_card_repeats_only_how_samples_are_read_and_stored():
    assert card_entries(CARD) == {name: CARD[name] for name in CARD if name != "classes"}
    codec, storage = codec_of_card(CARD), storage_of_card(CARD)
    assert storage.for_card() | codec.for_card() == card_entries(CARD)


def test_the_card_of_a_predictor_of_pictures_has_its_keys_in_the_order_of_the_first_versions():
    """Cards are compared by their bytes, so that a picture model trained again is the same artifact."""
    assert json.dumps(card_entries(CARD)) == (
        '{"size": 8, "fit": "pad", "channels": 3, "max_pixels": 99, "grey_scale": [0.0, 4095.0]}'
    )


@pytest.mark.parametrize("media", ["image", "clip", "volume"])
def test_a_card_and_parameters_name_their_media_in_one_way(media):
    node = config.compose_option("media", media)
    assert media_of_params({"media": node}) == media_of_card({"media": node}) == media


@pytest.mark.parametrize("node", [None, {}, "clip", {"num_frames": 8}])
def test_a_media_without_a_class_is_one_line(node):
    with pytest.raises(UserError, match=r"^params\.yaml: media must be a mapping with _target_ \(the dotted path of a"):
        media_of_params({"media": node})
    with pytest.raises(UserError, match=r"^card\.json: media must be a mapping with _target_ \(the dotted path of a"):
        media_of_card({"media": node})


def test_another_class_is_no_media():
    with pytest.raises(UserError, match=r"^card\.json: media\._target_ must name a class of pipeline\.media"):
        codec_of_card({**CARD, "media": {"_target_": "pipeline.datasets.sources.folder.Folder"}})
    with pytest.raises(UserError, match=r"^params\.yaml: media\._target_ must name a class of pipeline\.media"):
        build_media({"media": {"_target_": "pipeline.media.reader.SampleReader"}})


def test_a_picture_is_decoded_once_for_the_network_and_the_measurements(encode, noise):
    codec = Image().codec({"max_pixels": 10_000})
    data = encode(noise(0))
    sample = codec.open(data)
    np.testing.assert_array_equal(sample.pixels, codec.decode(data))
    assert sample.measure() == codec.examine(data)
    assert sample.measure().content_hash == content_hash(sample.pixels)
    assert codec.show(sample.pixels) is sample.pixels
    assert codec.header(data)[:3] == (32, 24, 1)


def test_a_folder_is_no_picture(encode, noise):
    codec = Image().codec({"max_pixels": 10_000})
    for read in (codec.decode, codec.open, codec.examine, codec.header):
        with pytest.raises(ItemRejected, match=r"^unreadable: a folder; media=clip and media=volume read"):
            read(FileSet(files=(("0.png", encode(noise(0))),)))
