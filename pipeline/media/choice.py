"""The media of a data set, from parameters or from the card of a predictor; pictures where neither names another."""

from __future__ import annotations

from pipeline.core import config
from pipeline.core.open_types import JsonObject, Params
from pipeline.core.sample_codec import Media, SampleCodec, StorageFormat
from pipeline.media.image import Image
from pipeline.media.picture_codec import PictureCodec


def build_media(params: Params) -> Media:
    """The section `media` of the parameters; those of a time before there were clips and volumes have none."""
    media: Media = config.build(params["media"], "media") if "media" in params else Image()
    return media


def codec_of_card(card: JsonObject) -> SampleCodec:
    """How the samples are read that the section `packing` of a predictor's card, or the packed card, describes.

    Raises:
        UserError: The card names no media of this version.
        KeyError: It lacks an entry.
    """
    media: Media = config.build(card["media"], "card.media") if "media" in card else Image()
    return media.codec(card)


def media_of_card(card: JsonObject) -> str:
    """image, clip or volume: also the column of encoded samples in a table that MLflow serves; raises the same."""
    return codec_of_card(card).media if "media" in card else PictureCodec.media


def storage_of_card(card: JsonObject) -> StorageFormat:
    """The form of stored samples that the same card describes; raises the same."""
    return codec_of_card(card).storage(card["size"], card["fit"], card["channels"])
