"""From the bytes of a request to what the network takes, with the measurements that drift is found by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, final

from pipeline.media.choice import codec_of_card

if TYPE_CHECKING:
    import numpy as np

    from pipeline.prediction.classifier import PictureClassifier

T = TypeVar("T")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Measurements:
    """What was measured on a picture of a request.

    Attributes:
        content_hash: Of the decoded pixels in full size, as in the manifest; empty where nothing is measured.
        properties: Name to number, as in the columns `prop_*` of the manifest; empty where nothing is measured.
    """

    content_hash: str = ""
    properties: dict[str, float] = field(default_factory=dict)


def read_and_measure(
    classifier: PictureClassifier, max_pixels: int, is_measured: bool, data: bytes, submit: Callable[[np.ndarray], T]
) -> tuple[T, Measurements]:
    """Decodes an encoded picture once, for the network and for the measurements, which are made while the network runs.

    Args:
        classifier: That decodes.
        max_pixels: Of the picture; the limit of the model counts too.
        is_measured: Whether anything is measured.
        data: The encoded picture.
        submit: Called with (size, size, C) uint8, as `PictureClassifier.read` returns them.

    Returns:
        What `submit` returned, and the measurements.

    Raises:
        ItemRejected: It cannot be read, or is too large; `submit` was not called.
    """
    packing = classifier.card["packing"]
    sample = codec_of_card({**packing, "max_pixels": min(max_pixels, packing["max_pixels"])}).open(data)
    answer = submit(classifier.storage.convert(sample.pixels))
    if not is_measured:
        return answer, Measurements()
    found = sample.measure()
    return answer, Measurements(content_hash=found.content_hash, properties=found.properties)


def digest_bytes(data: bytes) -> str:
    """SHA-256 of an encoded picture, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
