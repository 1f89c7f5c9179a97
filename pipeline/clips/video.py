"""Frames that FFmpeg decodes (PyAV), in one thread, from containers whose kind is known."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.clips.frames import SMALL_SIDE, Frame, FrameSource, refuse_length, refuse_size
from pipeline.clips.sampling import ClipReading, Timeline
from pipeline.core.errors import ItemRejected, UserError

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

LEAST_DECODED = 0.9  # of the frames that the container announces; with fewer the clip is damaged or ends early
ENCRYPTED = ("encv", "drmi")  # sample entries of ISO 14496-12 and of Apple's FairPlay, where FFmpeg leaves them
DURATION = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")  # of a Matroska track


@final
class Video(FrameSource):
    """The first video track of a file.

    Args:
        data: The file.
        container: `mov`, `matroska` or `avi`: FFmpeg tries no other.
        reading: What is accepted.
    """

    def __init__(self, data: bytes, container: str, reading: ClipReading):
        self.data = data
        self.container = container
        self.reading = reading
        self._last = 0.0

    def plan(self) -> Timeline:
        """The times of all packets, of which the container says when each is shown."""
        with self._open_file() as (file, track):
            self.codec = track.codec_context.name
            refuse_size(track.codec_context.width, track.codec_context.height, self.reading)
            refuse_length(track.frames, (file.duration or 0) / 1e6, self.reading)
            packets = self._read_packets(file, track)
            if not packets:
                raise ItemRejected("no_frames", f"the {self.codec} track holds no frame")
            if track.codec_context.codec_tag in ENCRYPTED or packets[0].has_sidedata("encryption_info"):
                raise ItemRejected("unsupported", "the video is encrypted; write it without a key")
            shown = _without_hidden(packets)
            if not shown:
                raise ItemRejected("no_frames", f"an edit list cuts all frames of the {self.codec} track")
            timeline = _timeline(shown, track)
            refuse_length(len(packets), timeline.duration, self.reading)
            _refuse_cut(len(packets), len(shown), timeline.duration, file, track)
        return timeline

    def frames(self) -> Iterator[Frame]:
        with self._open_file() as (file, track):
            packets = self._read_packets(file, track)
            base, step = float(track.time_base or 1), 1 / float(track.average_rate or 25)
            converter = Converter()
            size, time, num_frames, damaged = (0, 0), -step, 0, 0
            for frame in _decode(packets, track):
                if frame is None:
                    damaged += 1
                    continue
                size = size if num_frames else (frame.width, frame.height)
                num_frames += 1
                time = frame.pts * base if frame.pts is not None else time + step  # those that come last have no base
                self._last = float(frame.duration or 0) * base
                refuse_size(frame.width, frame.height, self.reading)
                yield _as_frame(frame, time, size, converter)
        num_shown = len(_without_hidden(packets))
        if num_frames < LEAST_DECODED * num_shown:
            raise ItemRejected(
                "truncated" if num_frames else "no_frames",
                f"{num_frames} of {num_shown} frames can be decoded, {damaged} are damaged",
            )

    def last_duration(self) -> float:
        return self._last

    def _read_packets(self, file: InputContainer, track: VideoStream) -> list[av.Packet[VideoStream]]:
        """Those of the track, also of frames that others need and an edit list cuts; no more than may be there."""
        packets: list[av.Packet[VideoStream]] = []
        for packet in file.demux(track):
            if packet.size:
                packets.append(packet)
                refuse_length(len(packets), 0.0, self.reading)
        return packets

    @contextmanager
    def _open_file(self) -> Iterator[tuple[InputContainer, VideoStream]]:
        """The file and its track; every error of FFmpeg within the block is an `ItemRejected`."""
        av = load_av()
        try:
            with av.open(
                io.BytesIO(self.data), format=self.container, metadata_errors="ignore", options={"max_streams": "50"}
            ) as file:
                yield file, self._track(file)
        except MemoryError:
            raise ItemRejected("too_large", "there is not enough memory to decode it") from None
        except (av.error.FFmpegError, ValueError, IndexError, OverflowError) as error:
            found = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ItemRejected("truncated", f"{self.container}: {found}") from None

    def _track(self, file: InputContainer) -> VideoStream:
        still = load_av().stream.Disposition.attached_pic
        tracks = [one for one in file.streams.video if not one.disposition & still]
        if not tracks:
            sound = "sound alone" if file.streams.audio else "no track of a video"
            raise ItemRejected("no_frames", sound)
        track = tracks[0]
        context = track.codec_context
        if context is None:
            raise ItemRejected("unsupported", "a coding for which FFmpeg has no decoder; write it as H.264")
        context.thread_type = "NONE"
        context.thread_count = 1
        context.options = {"max_pixels": str(self.reading.max_pixels)}
        return track


def load_av() -> ModuleType:
    """PyAV, loaded when the first clip is read.

    Raises:
        UserError: It is not installed.
    """
    try:
        import av
        import av.error
    except ImportError as error:
        raise UserError(
            f"clips need the package av, which cannot be loaded ({error}); make install EXTRAS=clips installs it"
        ) from None
    return av


def _without_hidden(packets: list[av.Packet[VideoStream]]) -> list[av.Packet[VideoStream]]:
    """Those whose frames FFmpeg gives; the others it decodes alone, since frames that are shown need them."""
    return [one for one in packets if not one.is_discard]


def _timeline(packets: list[av.Packet[VideoStream]], track: VideoStream) -> Timeline:
    base, step = float(track.time_base or 1), 1 / float(track.average_rate or 25)
    begun = [packet.pts if packet.pts is not None else packet.dts for packet in packets]
    if any(one is None for one in begun) or len(set(begun)) < len(begun):  # as in an AVI: one after the other
        return Timeline.of([number * step for number in range(len(begun))], step)
    times = sorted(one * base for one in begun if one is not None)
    return Timeline.of(times, float(packets[-1].duration or 0) * base or (step if len(times) == 1 else 0.0))


def _refuse_cut(num_packets: int, num_shown: int, seconds: float, file: InputContainer, track: VideoStream) -> None:
    """Refuses a clip of which the container announces more than is there."""
    num_frames = track.frames
    if "mov" in file.format.name:  # which counts those that an edit list hides and FFmpeg does not read
        num_frames = min(num_frames, len(track.index_entries))
    if num_packets < LEAST_DECODED * num_frames:
        raise ItemRejected("truncated", f"{num_packets} of {num_frames} frames are there")
    announced = _announced_seconds(file, track)
    if seconds < LEAST_DECODED * announced - 2 * seconds / num_shown:
        raise ItemRejected("truncated", f"{seconds:g} of {announced:g} seconds are there")


def _announced_seconds(file: InputContainer, track: VideoStream) -> float:
    """What the container says of the track, or of the whole file where that has no other track; else 0."""
    named = DURATION.match(track.metadata.get("DURATION", ""))
    if named:
        hours, minutes, seconds = (float(part) for part in named.groups())
        return 3600 * hours + 60 * minutes + seconds
    if track.duration and track.time_base:
        return float(track.duration * track.time_base)
    return (file.duration or 0) / 1e6 if len(file.streams) == 1 else 0.0


def _decode(packets: list[av.Packet[VideoStream]], track: VideoStream) -> Iterator[av.VideoFrame | None]:
    """The frames of all packets; None for each packet that is damaged."""
    damaged = load_av().error.InvalidDataError
    for packet in [*packets, None]:
        try:
            frames = track.decode(packet)
        except damaged:
            yield None
            continue
        yield from frames


@final
class Converter:
    """Turns frames into pixels, in one thread and with the same results on every processor.

    It remembers what it prepared for the frame before, which takes ten times as long as a small copy.
    """

    def __init__(self) -> None:
        from av.video.reformatter import Interpolation, VideoReformatter

        exact = Interpolation.ACCURATE_RND | Interpolation.BITEXACT
        self._linear, self._area = Interpolation.BILINEAR | exact, Interpolation.AREA | exact
        self._whole, self._small = VideoReformatter(), VideoReformatter()

    def pixels(self, frame: av.VideoFrame, size: tuple[int, int]) -> np.ndarray:
        """(H, W) of a grey frame or (H, W, 3) uint8 of that width and height."""
        form = "gray" if frame.format.name.startswith(("gray", "mono")) else "rgb24"
        width, height = size
        return self._whole.reformat(
            frame, format=form, width=width, height=height, interpolation=self._linear, threads=1
        ).to_ndarray()

    def small(self, frame: av.VideoFrame) -> np.ndarray:
        """(64, 64) uint8, grey, stretched."""
        return self._small.reformat(
            frame, format="gray", width=SMALL_SIDE, height=SMALL_SIDE, interpolation=self._area, threads=1
        ).to_ndarray()


def _as_frame(frame: av.VideoFrame, time: float, size: tuple[int, int], converter: Converter) -> Frame:
    """A frame of the size of the first one: a stream may change it in the middle."""
    quarters = round((frame.rotation or 0) / 90) % 4
    width, height = size if quarters % 2 == 0 else size[::-1]
    return Frame(
        time=time,
        width=width,
        height=height,
        pixels=lambda: _turn(converter.pixels(frame, size), quarters),
        small=lambda: _turn(converter.small(frame), quarters),
        is_turned=quarters != 0,
    )


def _turn(array: np.ndarray, quarters: int) -> np.ndarray:
    """The array turned by quarters of a turn, against the clock."""
    return np.ascontiguousarray(np.rot90(array, quarters)) if quarters else array
