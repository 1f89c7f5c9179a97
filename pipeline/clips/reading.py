"""From an opened clip to the frames that are taken, in one pass over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.clips.formats import ANIMATIONS, container_of
from pipeline.clips.frames import SMALL_SIDE, Frame, FrameSource, PixelFrames, refuse_length, refuse_size
from pipeline.clips.key_frames import USUAL_STEP, choose_key_frames, moments
from pipeline.clips.picture_frames import Animation, FolderFrames
from pipeline.clips.sampling import ClipReading, Timeline, choose_frames
from pipeline.clips.video import Video
from pipeline.core.errors import ItemRejected
from pipeline.core.sample_codec import FileSet, SampleHeader


@final
@dataclass(frozen=True, kw_only=True)
class ClipFacts:
    """What the container and all of its frames say.

    Attributes:
        num_frames: Of the whole clip.
        num_repeated: Of the frames that are taken: how many are there already.
        duration: Seconds; NaN where nothing says it.
        codec: Name of the coding; None of pixels.
        container: As mov or gif; None of pixels.
    """

    num_frames: int
    num_repeated: int
    duration: float
    codec: str | None
    container: str | None


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class DecodedClip:
    """The frames that are taken of a clip.

    Attributes:
        frames: (num_frames, H, W) or (num_frames, H, W, 3) uint8.
        facts: Of the clip.
        key_frames: (K, 3, 64, 64) uint8, chosen over all frames, each with the frames shortly before and after it; none
            where they are not needed.
    """

    frames: np.ndarray
    facts: ClipFacts
    key_frames: np.ndarray


def read_clip(data: bytes | np.ndarray | FileSet, reading: ClipReading, needs_key_frames: bool) -> DecodedClip:
    """Decodes a clip in this process.

    All frames are decoded, since only decoding finds how many there are and when; those that are taken alone become
    pixels. Where decoding finds other times than the container announced, the clip is decoded again.

    Raises:
        ItemRejected: With one of `REJECTION_REASONS`.
    """
    source = open_source(data, reading)
    plan = choose_frames(source.plan(), reading)
    taken, small, timeline = _pass(source, plan, reading, needs_key_frames)
    actual = choose_frames(timeline, reading)
    if actual != plan:
        taken, _, timeline = _pass(source, actual, reading, False)
    times = timeline.times if source.is_timed else timeline.times * USUAL_STEP
    key = moments(times, choose_key_frames(small, times)) if needs_key_frames else np.zeros((0, 3), np.intp)
    return DecodedClip(
        frames=_stack([taken[position] for position in actual]),
        facts=ClipFacts(
            num_frames=len(timeline.times),
            num_repeated=len(actual) - len(set(actual)),
            duration=timeline.duration if source.is_timed else float("nan"),
            codec=source.codec,
            container=source.container,
        ),
        key_frames=small[key],
    )


def read_clip_header(data: bytes | np.ndarray | FileSet, reading: ClipReading) -> SampleHeader:
    """What the container and the first frame say; raises the same."""
    source = open_source(data, reading)
    num_frames = len(source.plan().times)
    first = next(source.frames(), None)
    if first is None:
        raise ItemRejected("no_frames", "none can be decoded")
    return SampleHeader(width=first.width, height=first.height, depth=num_frames, is_turned=first.is_turned)


def open_source(data: bytes | np.ndarray | FileSet, reading: ClipReading) -> FrameSource:
    """The frames of any clip that is read."""
    if isinstance(data, FileSet):
        return FolderFrames(data, reading)
    if isinstance(data, np.ndarray):
        return PixelFrames(data)
    container = container_of(data)
    return (Animation if container in ANIMATIONS else Video)(data, container, reading)


def _pass(
    source: FrameSource, plan: list[int], reading: ClipReading, needs_small: bool
) -> tuple[dict[int, np.ndarray], np.ndarray, Timeline]:
    """The pixels of the planned frames, small copies of all, and the times that decoding found."""
    taken: dict[int, np.ndarray] = {}
    small: list[np.ndarray] = []
    times: list[float] = []
    wanted = set(plan)
    first: Frame | None = None
    for number, frame in enumerate(source.frames()):
        first = first or frame
        _refuse_frame(frame, first, source)
        refuse_size(frame.width, frame.height, reading)
        times.append(frame.time)
        refuse_length(len(times), frame.time - times[0] if source.is_timed else 0.0, reading)
        if number in wanted:
            taken[number] = frame.pixels()
        if needs_small:
            small.append(frame.small())
    if not times:
        raise ItemRejected("no_frames", "none can be decoded")
    timeline = Timeline.of(times, source.last_duration())
    refuse_length(len(times), timeline.duration if source.is_timed else 0.0, reading)
    copies = np.array(small, dtype=np.uint8).reshape(-1, SMALL_SIDE, SMALL_SIDE)
    return taken, copies, timeline


def _refuse_frame(frame: Frame, first: Frame, source: FrameSource) -> None:
    if (frame.width, frame.height) != (first.width, first.height):
        raise ItemRejected(
            "unsupported",
            f"a frame of {frame.width} x {frame.height} pixels after one of {first.width} x {first.height}; all frames "
            f"of {source.container or 'a clip'} must have one size",
        )


def _stack(frames: list[np.ndarray]) -> np.ndarray:
    """(T, H, W), or (T, H, W, 3) where any frame has colour."""
    if all(frame.ndim == 2 for frame in frames):
        return np.stack(frames)
    colour = [frame if frame.ndim == 3 else np.repeat(frame[:, :, None], 3, axis=2) for frame in frames]
    return np.stack([np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else frame for frame in colour])
