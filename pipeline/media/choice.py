"""The media of a data set, from parameters or from the card of a predictor; pictures where neither names another."""

from __future__ import annotations

from pipeline.core import config
from pipeline.core.open_types import JsonObject, Params
from pipeline.core.sample_codec import Media, SampleCodec, StorageFormat


def build_media(params: Params) -> Media:
    """The section `media` of the parameters; those of a time before there were clips and volumes have none."""
    return _build(params, "media")


def media_of_params(params: Params) -> str:
    """image, clip or volume."""
    return build_media(params).codec({"max_pixels": 1}).media


def codec_of_card(card: JsonObject) -> SampleCodec:
    """How the samples are read that the section `packing` of a predictor's card, or the packed card, describes.

    Raises:
        UserError: The card names no media of this version.
        KeyError: It lacks an entry.
    """
    return _build(card, "card.media").codec(card)


def media_of_card(card: JsonObject) -> str:
    """image, clip or volume: also the column of encoded samples in a table that MLflow serves; raises the same."""
    return codec_of_card({"max_pixels": 1, **card}).media


def storage_of_card(card: JsonObject) -> StorageFormat:
    """The form of stored samples that the same card describes; raises the same."""
    return codec_of_card(card).storage(card["size"], card["fit"], card["channels"])


def _build(nodes: JsonObject, where: str) -> Media:
    if "media" not in nodes:
        from pipeline.media.image import Image  # loads numpy, which the help of a command need not

        return Image()
    media: Media = config.build(nodes["media"], where)
    return media
