"""From the bytes of a request to what the network takes, with the measurements that drift is found by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, final

from pipeline.core.zipped_sample import open_encoded
from pipeline.media.choice import codec_of_card

if TYPE_CHECKING:
    import numpy as np

    from pipeline.core.open_types import JsonObject
    from pipeline.core.sample_codec import SampleCodec
    from pipeline.prediction.classifier import PictureClassifier
    from pipeline.serving.limits import Limits

T = TypeVar("T")
PREVIEW_SIDE = 480  # pixels
SECONDS, VOXELS = "time_limit", "max_voxels"  # options of a media: processor time for a sample, size of one


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Measurements:
    """What was measured on a sample of a request.

    Attributes:
        content_hash: Of the decoded pixels, as in the manifest; empty where nothing is measured.
        properties: Name to number, as in the columns `prop_*` of the manifest; empty where nothing is measured.
    """

    content_hash: str = ""
    properties: dict[str, float] = field(default_factory=dict)


def read_and_measure(
    classifier: PictureClassifier, limits: Limits, is_measured: bool, data: bytes, submit: Callable[[np.ndarray], T]
) -> tuple[T, Measurements]:
    """Decodes an encoded sample once, for the network and for the measurements, which are made while the network runs.

    Args:
        classifier: That decodes.
        limits: Of a picture's pixels and of the time; those of the model count too.
        is_measured: Whether anything is measured.
        data: The encoded sample; frames of a clip or slices of a series are a zip.
        submit: Called with (*spatial, C) uint8, as `PictureClassifier.read` returns them.

    Returns:
        What `submit` returned, and the measurements.

    Raises:
        ItemRejected: It cannot be read, or is too large; `submit` was not called.
    """
    codec = bounded_codec(classifier.card["packing"], limits)
    sample = codec.open(open_encoded(codec.media, data))
    answer = submit(classifier.storage.convert(sample.pixels))
    if not is_measured:
        return answer, Measurements()
    found = sample.measure()
    return answer, Measurements(content_hash=found.content_hash, properties=found.properties)


def draw_preview(classifier: PictureClassifier, limits: Limits, data: bytes) -> bytes:
    """A sample as a person sees it: four frames of a clip, three slices of a volume, the picture itself.

    Args:
        classifier: That decodes.
        limits: As for `read_and_measure`.
        data: The encoded sample.

    Returns:
        A PNG whose longer side has at most `PREVIEW_SIDE` pixels.

    Raises:
        ItemRejected: It cannot be read, or is too large.
    """
    from pipeline.report.pictures import encode_png, shrink, to_image

    codec = bounded_codec(classifier.card["packing"], limits)
    return encode_png(shrink(to_image(codec.show(codec.decode(open_encoded(codec.media, data)))), PREVIEW_SIDE))


def bounded_codec(packing: JsonObject, limits: Limits) -> SampleCodec:
    """How samples are read, with no more pixels, voxels and seconds than a request may take.

    Args:
        packing: That section of a card.
        limits: Of the server.
    """
    bounded = {**packing, "max_pixels": min(limits.pixels, packing["max_pixels"])}
    media = packing.get("media", {})
    most = {SECONDS: limits.seconds, VOXELS: limits.voxels}
    if media:
        bounded["media"] = media | {name: min(most[name], media[name]) for name in most.keys() & media.keys()}
    return codec_of_card(bounded)


def digest_bytes(data: bytes) -> str:
    """SHA-256 of an encoded picture, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
