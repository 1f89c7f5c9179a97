"""The frames of a clip one after the other, each turned into pixels only where it is needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
from PIL import Image

from pipeline.clips.sampling import ClipReading, Timeline
from pipeline.core.errors import ItemRejected

SMALL_SIDE = 64  # of the copies by which clips are compared
MAX_SAMPLE_BYTES = 2**30  # of the frames of a clip that are taken


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """A frame that is decoded.

    Attributes:
        time: Seconds at which it begins.
        width: Of the pixels.
        height: Of the pixels.
        pixels: Makes them: (H, W) or (H, W, 3) uint8, as a person sees them.
        small: Makes a copy for comparisons: (64, 64) uint8, grey, stretched.
        is_turned: Whether the container says that it is shown turned.
    """

    time: float
    width: int
    height: int
    pixels: Callable[[], np.ndarray]
    small: Callable[[], np.ndarray]
    is_turned: bool = False


class FrameSource(ABC):
    """The frames of an opened clip; every method raises ItemRejected."""

    codec: str | None = None  # name of the coding, as h264; None of frames that come as pixels
    container: str | None = None  # as mov or gif; None of frames that come as pixels
    is_timed: bool = True  # whether the clip itself says when its frames are shown

    @abstractmethod
    def plan(self) -> Timeline:
        """What the container says about the times, before a frame is decoded; decoding may find others."""

    @abstractmethod
    def frames(self) -> Iterator[Frame]:
        """All frames from the first on, each valid until the next; may be called again."""

    def last_duration(self) -> float:
        """Seconds for which the last frame is shown; 0 where nothing says it."""
        return 0.0


@final
class PixelFrames(FrameSource):
    """The frames of a source that gives pixels.

    Args:
        pixels: (T, H, W) or (T, H, W, 3) uint8, or (H, W) of a single frame.
    """

    is_timed = False

    def __init__(self, pixels: np.ndarray):
        if pixels.ndim == 2:
            pixels = pixels[None]
        if pixels.ndim not in (3, 4) or not pixels.size:
            raise ItemRejected("no_frames", f"an array of shape {pixels.shape}")
        self.array = pixels

    def plan(self) -> Timeline:
        return Timeline.of([float(number) for number in range(len(self.array))], 1.0)

    def frames(self) -> Iterator[Frame]:
        for number, frame in enumerate(self.array):
            yield frame_of_array(float(number), frame)


def frame_of_array(time: float, array: np.ndarray) -> Frame:
    """A frame whose pixels are there: (H, W) or (H, W, 3) uint8."""
    return Frame(
        time=time,
        width=array.shape[1],
        height=array.shape[0],
        pixels=lambda: array,
        small=lambda: shrink(Image.fromarray(array)),
    )


def shrink(image: Image.Image) -> np.ndarray:
    """(64, 64) uint8: grey, stretched, antialiased."""
    side = (SMALL_SIDE, SMALL_SIDE)
    return np.asarray(image.resize(side, Image.Resampling.BILINEAR, reducing_gap=2.0).convert("L"))


def refuse_size(width: int, height: int, reading: ClipReading) -> None:
    """Refuses frames that are too large, each for itself or those that are taken together.

    Raises:
        ItemRejected: `too_large`, or `no_frames` where a frame has no pixel.
    """
    size = f"frames of {width} x {height} pixels"
    if width * height < 1:
        raise ItemRejected("no_frames", size)
    if width * height > reading.max_pixels:
        raise ItemRejected("too_large", f"{size}, at most {reading.max_pixels} allowed")
    if 3 * width * height * reading.num_frames > MAX_SAMPLE_BYTES:
        raise ItemRejected(
            "too_large", f"{reading.num_frames} {size} take more than {MAX_SAMPLE_BYTES} bytes; take fewer frames"
        )


def refuse_length(num_frames: int, seconds: float, reading: ClipReading) -> None:
    """Refuses a clip that is too long.

    Raises:
        ItemRejected: `too_long`.
    """
    if num_frames > reading.max_frames:
        raise ItemRejected("too_long", f"more than {reading.max_frames} frames (media.max_frames)")
    if seconds > reading.max_seconds:
        raise ItemRejected("too_long", f"{seconds:g} seconds, at most {reading.max_seconds:g} (media.max_seconds)")
