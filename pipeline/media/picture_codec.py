"""How pictures are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from pipeline.core.errors import ItemRejected
from pipeline.core.open_types import JsonObject
from pipeline.core.sample_codec import (
    DecodedSample,
    FileSet,
    GreyRange,
    SampleCodec,
    SampleHeader,
    SampleMeasurements,
)
from pipeline.images import properties
from pipeline.images.decoding import Decoding, decode, open_with_metadata, read_header
from pipeline.images.grey_scales import Greys
from pipeline.images.storage import SquareFormat


@final
@dataclass(frozen=True, kw_only=True)
class PictureCodec(SampleCodec):
    """Reads pictures.

    Args:
        decoding: One for the whole data set.
    """

    media: ClassVar[str] = "image"

    decoding: Decoding

    def with_grey_scale(self, scale: Greys) -> PictureCodec:
        """The codec that takes this scale for pictures of more than 8 bits."""
        return replace(self, decoding=replace(self.decoding, grey_scale=scale))

    def header(self, data: bytes | np.ndarray | FileSet) -> SampleHeader:
        return read_header(_refuse_folder(data))

    def decode(self, data: bytes | np.ndarray | FileSet) -> np.ndarray:
        return decode(_refuse_folder(data), self.decoding)

    def open(self, data: bytes | np.ndarray | FileSet) -> DecodedSample:
        file = _refuse_folder(data)
        image, encoding = open_with_metadata(file, self.decoding)
        num_bytes = len(file) if isinstance(file, bytes) else file.nbytes
        return DecodedSample(
            pixels=np.asarray(image),
            measure=lambda: properties.measure(image, num_bytes, encoding, self.decoding.grey_scale),
        )

    def examine(self, data: bytes | np.ndarray | FileSet) -> SampleMeasurements | GreyRange:
        return properties.decode_and_measure(_refuse_folder(data), self.decoding)

    def show(self, sample: np.ndarray) -> np.ndarray:
        return sample

    def storage(self, size: int, fit: str, channels: int) -> SquareFormat:
        return SquareFormat.of_card({"size": size, "fit": fit, "channels": channels})

    def for_card(self) -> JsonObject:
        return self.decoding.for_card()


def _refuse_folder(data: bytes | np.ndarray | FileSet) -> bytes | np.ndarray:
    if isinstance(data, FileSet):
        raise ItemRejected("unreadable", "a folder; media=clip and media=volume read the files of one as a sample")
    return data
