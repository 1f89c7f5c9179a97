"""Which frames of a clip are taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pipeline.core.errors import ItemRejected
from pipeline.core.ranges import PositiveFloat, PositiveInt

Sampling = Literal["uniform", "dense"]
ROUNDING = 1e-6  # of the time between two frames: a middle that falls on the begin of a frame belongs to it


@final
@dataclass(frozen=True, kw_only=True)
class ClipReading:
    """How clips are read: one for each data set, the same in every stage and in serving.

    Args:
        num_frames: Taken of each clip.
        sampling: `uniform`: the frames shown in the middle of so many equal parts of the clip's time; `dense`: every
            `stride`-th one from the middle of the clip.
        stride: From one frame to the next, of `dense`.
        max_frames: Of a clip; one of more is refused.
        max_seconds: Of a clip, by its container and by its frames; a longer one is refused.
        time_limit: Seconds of processor time for an item; ten times as long by the clock.
        max_pixels: Largest height x width of a frame.
    """

    num_frames: PositiveInt
    sampling: Sampling
    stride: PositiveInt
    max_frames: PositiveInt
    max_seconds: PositiveFloat
    time_limit: PositiveFloat
    max_pixels: PositiveInt


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Timeline:
    """When the frames of a clip are shown.

    Attributes:
        times: (N,) ascending seconds at which each frame begins, the first one at 0.
        end: Seconds at which the last one ends.
    """

    times: np.ndarray
    end: float

    @classmethod
    def of(cls, times: list[float], last: float = 0.0) -> Timeline:
        """Of the times of all frames; `last` is how long the last one lasts, 0: as long as the others on average.

        Raises:
            ItemRejected: `unreadable`: a time is no number, or infinite.
        """
        begun = np.maximum.accumulate(np.asarray(times, dtype=np.float64))
        if not (np.isfinite(begun).all() and math.isfinite(last)):
            raise ItemRejected("unreadable", "a frame is shown at a time that is no number")
        begun -= begun[0]  # from a late begin, such as 2**60, the last frame would last for no time at all
        mean = float(begun[-1]) / (len(begun) - 1) if len(begun) > 1 else 0.0
        return cls(times=begun, end=float(begun[-1]) + (last if last > 0 else mean or 1.0))

    @property
    def duration(self) -> float:
        return self.end - float(self.times[0])


def choose_frames(timeline: Timeline, reading: ClipReading) -> list[int]:
    """Positions of the frames that are taken, ascending; of a clip with too few frames some are taken again.

    Of `uniform` the nearest frames are repeated, of `dense` the last one.
    """
    num_there, wanted = len(timeline.times), reading.num_frames
    if reading.sampling == "dense":
        first = max(0, (num_there - (wanted - 1) * reading.stride - 1) // 2)
        return [min(first + number * reading.stride, num_there - 1) for number in range(wanted)]
    middles = float(timeline.times[0]) + (np.arange(wanted) + 0.5) * timeline.duration / wanted
    rounding = ROUNDING * timeline.duration / num_there
    found = np.searchsorted(timeline.times, middles + rounding, side="right") - 1
    return [int(position) for position in found.clip(0, num_there - 1)]
