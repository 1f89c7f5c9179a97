"""Which frames are taken: positions worked by hand."""

import numpy as np
import pytest
from films import reading
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clips.sampling import Timeline, choose_frames
from pipeline.core.errors import ItemRejected


def even(number):
    return Timeline.of([0.1 * position for position in range(number)])


@pytest.mark.parametrize(
    ("there", "taken", "expected"),
    [
        (20, 4, [2, 7, 12, 17]),  # middles of four parts of five frames: 2.5, 7.5, 12.5, 17.5
        (8, 4, [1, 3, 5, 7]),  # middles on the begin of a frame: it counts
        (4, 4, [0, 1, 2, 3]),
        (2, 4, [0, 0, 1, 1]),
        (1, 3, [0, 0, 0]),
        (7, 1, [3]),
    ],
)
def test_uniform(there, taken, expected):
    assert choose_frames(even(there), reading(num_frames=taken)) == expected


@pytest.mark.parametrize(
    ("there", "taken", "stride", "expected"),
    [
        (20, 4, 2, [6, 8, 10, 12]),  # seven frames long, so it begins at (20 - 7) // 2
        (7, 4, 2, [0, 2, 4, 6]),
        (5, 4, 2, [0, 2, 4, 4]),
        (20, 4, 1, [8, 9, 10, 11]),
        (1, 3, 5, [0, 0, 0]),
    ],
)
def test_dense(there, taken, stride, expected):
    assert choose_frames(even(there), reading(num_frames=taken, sampling="dense", stride=stride)) == expected


def test_uniform_follows_the_clock_where_frames_last_for_different_times():
    """The first frame is shown for 3 of 6 seconds; middles are 0.75, 2.25, 3.75 and 5.25."""
    timeline = Timeline.of([0.0, 3.0, 4.0, 5.0], last=1.0)
    assert timeline.duration == 6.0
    assert choose_frames(timeline, reading(num_frames=4)) == [0, 0, 1, 3]


def test_the_end_of_the_last_frame():
    assert Timeline.of([2.0]).end == 1.0
    assert Timeline.of([0.0, 0.5, 1.0]).end == pytest.approx(1.5)
    assert Timeline.of([0.0, 0.5], last=2.0).end == 2.5


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.floats(0, 5), min_size=1, max_size=30),
    taken=st.integers(1, 40),
    sampling=st.sampled_from(["uniform", "dense"]),
    stride=st.integers(1, 9),
)
def test_whatever_the_times_are_as_many_frames_as_wanted_in_order(steps, taken, sampling, stride):
    timeline = Timeline.of(np.cumsum(steps).tolist())
    found = choose_frames(timeline, reading(num_frames=taken, sampling=sampling, stride=stride))
    assert len(found) == taken
    assert found == sorted(found)
    assert set(found) <= set(range(len(steps)))


def test_times_begin_with_the_first_frame():
    timeline = Timeline.of([2.0**50, 2.0**50 + 1], 0.01)
    assert (timeline.times.tolist(), timeline.end, timeline.duration) == ([0, 1], 1.01, 1.01)


@pytest.mark.parametrize(("times", "last"), [([0.0, np.nan], 1.0), ([0.0, np.inf], 1.0), ([0.0], np.inf)])
def test_times_that_are_no_numbers(times, last):
    with pytest.raises(ItemRejected, match=r"^unreadable: a frame is shown at a time that is no number$"):
        Timeline.of(times, last)
