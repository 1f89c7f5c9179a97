"""Each sample is a clip."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar, Literal, final

from pipeline.clips.formats import SUFFIXES
from pipeline.clips.sampling import ClipReading
from pipeline.core.open_types import JsonObject
from pipeline.core.ranges import PositiveFloat, PositiveInt
from pipeline.core.sample_codec import Media
from pipeline.media.clip_codec import ClipCodec


@final
@dataclass(frozen=True, kw_only=True)
class Clip(Media):
    """A film, an animated picture, or a folder of frames.

    Args:
        num_frames: Taken of each clip; a clip with fewer has some twice (property `repeated_frames`).
        sampling: `uniform`: frames from so many equal parts of the clip's time; `dense`: every `stride`-th frame from
            the middle of the clip.
        stride: From one frame to the next, of `dense`.
        max_frames: Of a whole clip; one of more is refused.
        max_seconds: Of a whole clip; a longer one is refused.
        time_limit: Seconds of processor time that decoding a clip may take, and a tenth of what it may take by the
            clock; beyond either it is refused.
    """

    suffixes: ClassVar[frozenset[str]] = SUFFIXES
    takes_folders: ClassVar[bool] = True

    num_frames: PositiveInt
    sampling: Literal["uniform", "dense"]
    stride: PositiveInt
    max_frames: PositiveInt
    max_seconds: PositiveFloat
    time_limit: PositiveFloat

    def codec(self, facts: JsonObject) -> ClipCodec:
        return ClipCodec(reading=ClipReading(**asdict(self), max_pixels=facts["max_pixels"]))
