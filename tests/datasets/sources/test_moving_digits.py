"""Digits that move in four directions: the direction is in the order of the frames, and nowhere else."""

from itertools import pairwise

import numpy as np
import pytest
from file_options import from_file

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.sources.moving_digits import DIRECTIONS, STEP, MovingDigits

CHOICES = {"name": "moving", "num_clips": 400, "num_frames": 6, "side": 32, "seed": 0, "watch": "requirements.lock"}


def test_every_digit_moves_once_in_every_direction():
    rows = MovingDigits(**CHOICES).read()
    assert len(rows) == 400
    assert rows["group"].nunique() == 100
    assert {tuple(sorted(part.explode())) for _, part in rows.groupby("group")["labels"]} == {tuple(sorted(DIRECTIONS))}
    assert rows["path"].is_unique


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_each_frame_is_the_one_before_moved_on_a_torus(direction):
    source = MovingDigits(**CHOICES)
    path = next(one for one in source.read()["path"] if one.startswith(f"{direction}/"))
    clip = source.open(path)
    assert (clip.shape, clip.dtype) == ((6, 32, 32), np.uint8)
    move = {"up": (-STEP, 0), "down": (STEP, 0), "left": (0, -STEP), "right": (0, STEP)}[direction]
    for before, after in pairwise(clip):
        np.testing.assert_array_equal(after, np.roll(before, move, axis=(0, 1)))
    np.testing.assert_array_equal(clip, source.open(path))


def test_a_single_frame_tells_nothing():
    """A linear classifier on every pixel of a frame is at chance; on two frames' difference of position it is not."""
    source = MovingDigits(**CHOICES)
    rows = source.read()
    clips = np.stack([source.open(path) for path in rows["path"]])
    labels = np.array([label for (label,) in rows["labels"]])
    for frame in (0, 3, 5):
        where = np.angle(_centre(clips[:, frame]))  # (N, 2) position on the torus
        means = np.array([np.exp(1j * where[labels == one]).mean(axis=0) for one in DIRECTIONS])
        assert np.abs(means).max() < 0.3  # of 100 uniform angles above 0.3 once in 8,000
    moved = np.angle(_centre(clips[:, 1]) / _centre(clips[:, 0])) * 32 / (2 * np.pi)
    expected = np.array([DIRECTIONS[one] for one in labels]) * STEP
    np.testing.assert_allclose(moved, expected, atol=1e-6)


def _centre(frames: np.ndarray) -> np.ndarray:
    """(N, 2) complex phase of rows and of columns: the first Fourier coefficient of where the ink is."""
    turn = np.exp(2j * np.pi * np.arange(frames.shape[1]) / frames.shape[1])
    return np.stack([frames.sum(axis=2) @ turn, frames.sum(axis=1) @ turn], axis=1)


def test_what_is_no_clip_is_refused():
    source = MovingDigits(**CHOICES)
    for path in ("up/9999", "sideways/0001", "up", "up/1", "../up/0001"):
        with pytest.raises(ItemRejected, match="no such clip among the 400"):
            source.open(path)
    with pytest.raises(UserError, match="num_clips must be a multiple of 4, got 402"):
        from_file(MovingDigits, **{**CHOICES, "num_clips": 402})
