"""From the bytes of a request to what the network takes, with the measurements that drift is found by."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.images.decoding import Decoding, open_with_metadata
from pipeline.images.properties import measure

if TYPE_CHECKING:
    from pipeline.prediction.classifier import PictureClassifier


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class DecodedPicture:
    """A picture of a request.

    Attributes:
        pixels: (size, size, C) uint8, as `PictureClassifier.read` returns them.
        content_hash: Of the decoded pixels in full size, as in the manifest; empty where nothing is measured.
        properties: Name to number, as in the columns `prop_*` of the manifest; empty where nothing is measured.
    """

    pixels: np.ndarray
    content_hash: str
    properties: dict[str, float]


def decode_picture(classifier: PictureClassifier, max_pixels: int, is_measured: bool, data: bytes) -> DecodedPicture:
    """Decodes an encoded picture once, for the network and for the measurements.

    Raises:
        ItemRejected: It cannot be read, or is larger than `max_pixels` or the limit of the model.
    """
    decoding = Decoding.of_card(classifier.card["packing"])
    decoding = dataclasses.replace(decoding, max_pixels=min(max_pixels, decoding.max_pixels))
    image, encoding = open_with_metadata(data, decoding)
    pixels = classifier.storage.convert(np.asarray(image))
    if not is_measured:
        return DecodedPicture(pixels=pixels, content_hash="", properties={})
    found = measure(image, len(data), encoding, decoding.grey_scale)
    return DecodedPicture(pixels=pixels, content_hash=found.content_hash, properties=found.properties)


def digest_bytes(data: bytes) -> str:
    """SHA-256 of an encoded picture, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
