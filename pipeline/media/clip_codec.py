"""How clips are read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar, Literal, final

import numpy as np

from pipeline.clips import decoder_process, properties
from pipeline.clips.contact import contact_sheet
from pipeline.clips.sampling import ClipReading
from pipeline.clips.storage import ClipFormat
from pipeline.core.open_types import JsonObject
from pipeline.core.sample_codec import DecodedSample, FileSet, SampleCodec, SampleHeader, SampleMeasurements
from pipeline.images.storage import SquareFormat

TARGET = "pipeline.media.clip.Clip"


@final
@dataclass(frozen=True, kw_only=True)
class ClipCodec(SampleCodec):
    """Reads clips, in a process of their own that ends where a decoder hangs or dies.

    Args:
        reading: One for the whole data set.
    """

    media: ClassVar[Literal["clip"]] = "clip"

    reading: ClipReading

    def header(self, data: bytes | np.ndarray | FileSet) -> SampleHeader:
        return decoder_process.header_apart(data, self.reading)

    def decode(self, data: bytes | np.ndarray | FileSet) -> np.ndarray:
        return decoder_process.decode_apart(data, self.reading, False).frames

    def decode_with_views(self, data: bytes | np.ndarray | FileSet) -> tuple[np.ndarray, list[list[np.ndarray]]]:
        """The frames that are taken, and key frames of the whole clip: at least one, each three of (64, 64) uint8."""
        clip = decoder_process.decode_apart(data, self.reading, True)
        return clip.frames, [list(view) for view in clip.key_frames]

    def open(self, data: bytes | np.ndarray | FileSet) -> DecodedSample:
        clip = decoder_process.decode_apart(data, self.reading, False)
        return DecodedSample(pixels=clip.frames, measure=lambda: properties.measure(clip, num_bytes(data)))

    def examine(self, data: bytes | np.ndarray | FileSet) -> SampleMeasurements:
        return self.open(data).measure()

    def show(self, sample: np.ndarray) -> np.ndarray:
        """(2 H, 2 W) or (2 H, 2 W, 3) uint8: four frames."""
        return contact_sheet(sample)

    def storage(self, size: int, fit: str, channels: int) -> ClipFormat:
        square = SquareFormat.of_card({"size": size, "fit": fit, "channels": channels})
        return ClipFormat(num_frames=self.reading.num_frames, square=square)

    def for_card(self) -> JsonObject:
        options = asdict(self.reading)
        return {"max_pixels": options.pop("max_pixels"), "media": {"_target_": TARGET, **options}}


def num_bytes(data: bytes | np.ndarray | FileSet) -> int:
    """Size as stored, of all files of a folder."""
    return len(data) if isinstance(data, bytes) else data.nbytes
