"""Frames that Pillow decodes: of animated GIF and WebP, and of a folder of pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar, final

import numpy as np
from PIL import Image

from pipeline.clips.formats import frame_files
from pipeline.clips.frames import Frame, FrameSource, frame_of_array, refuse_length, refuse_size, shrink
from pipeline.clips.sampling import ClipReading, Timeline
from pipeline.core.errors import ItemRejected
from pipeline.core.sample_codec import FileSet
from pipeline.images.damage import reject_damage
from pipeline.images.decoding import Decoding, as_seen, decode, image_size
from pipeline.images.silence import ignore_warnings

SHORTEST = 0.011  # seconds; browsers show what claims less for a tenth of a second
USUAL = 0.1
TRAILER, FILLING = b";", b"\0\r\n "  # the last byte of a GIF, and what programs write behind it

Result = TypeVar("Result")


@final
class Animation(FrameSource):
    """An animated GIF or WebP, whose frames a person sees on white where they are transparent.

    Args:
        data: The file.
        container: `gif` or `webp`.
        reading: What is accepted.
    """

    def __init__(self, data: bytes, container: str, reading: ClipReading):
        self.data = data
        self.reading = reading
        self.codec = self.container = container
        self._last = 0.0

    def plan(self) -> Timeline:
        """As if all frames were shown for as long: only decoding finds for how long each is shown."""
        if self.container == "gif" and not self.data.rstrip(FILLING).endswith(TRAILER):
            raise ItemRejected("truncated", "this GIF has no end")  # it does not say how many frames it has
        with _open_file(self.data, self.container) as image:
            refuse_size(*image.size, self.reading)
            number = getattr(image, "n_frames", 1)
        refuse_length(number, 0.0, self.reading)
        return Timeline.of([USUAL * position for position in range(number)], USUAL)

    def frames(self) -> Iterator[Frame]:
        time = 0.0
        with _open_file(self.data, self.container) as image:
            refuse_size(*image.size, self.reading)
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                image.load()
                yield Frame(
                    time=time,
                    width=image.width,
                    height=image.height,
                    pixels=lambda: np.asarray(as_seen(image, None)),
                    small=lambda: shrink(as_seen(image, None)),
                )
                lasts = image.info.get("duration", 0) / 1000
                self._last = lasts if lasts >= SHORTEST else USUAL
                time += self._last

    def last_duration(self) -> float:
        return self._last


@contextmanager
def _open_file(data: bytes, container: str | None) -> Iterator[Image.Image]:
    """The opened file; every error within the block is an `ItemRejected`."""
    unidentified = ItemRejected("truncated", f"the header of this {container} is damaged")
    with (
        reject_damage(unidentified),
        ignore_warnings(),
        Image.open(io.BytesIO(data), formats=[str(container).upper()]) as image,
    ):
        yield image


@final
class FolderFrames(FrameSource):
    """The pictures of a folder, in the order of the numbers in their names; nothing says when they are shown.

    Args:
        files: Of the folder.
        reading: What is accepted.
    """

    is_timed = False
    container = "frames"

    def __init__(self, files: FileSet, reading: ClipReading):
        self.files = frame_files(files)
        self.reading = reading
        refuse_length(len(self.files), 0.0, reading)

    def plan(self) -> Timeline:
        return Timeline.of([float(number) for number in range(len(self.files))], 1.0)

    def frames(self) -> Iterator[Frame]:
        for number, (name, data) in enumerate(self.files):
            width, height = _name_frame(name, partial(image_size, data))
            refuse_size(width, height, self.reading)
            pixels = partial(_name_frame, name, partial(decode, data, Decoding(max_pixels=self.reading.max_pixels)))
            yield Frame(
                time=float(number),
                width=width,
                height=height,
                pixels=pixels,
                small=partial(_shrink, pixels),
            )


def _shrink(pixels: partial[np.ndarray]) -> np.ndarray:
    return frame_of_array(0.0, pixels()).small()


def _name_frame(name: str, function: Callable[[], Result]) -> Result:
    """The result of a function of a frame, whose rejection names the frame."""
    try:
        return function()
    except ItemRejected as refused:
        raise ItemRejected(refused.reason, f"frame {name}: {refused.detail}") from None
