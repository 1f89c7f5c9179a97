"""Key frames are chosen by content: two cuts of one video have some in common."""

import numpy as np
import pytest
from films import moving_texture
from PIL import Image

from pipeline.clips.frames import shrink
from pipeline.clips.key_frames import MAX_KEY_FRAMES, choose_key_frames, moments


@pytest.fixture(scope="module")
def small():
    return np.stack([shrink(Image.fromarray(frame)) for frame in moving_texture(3, 150)])


def times(small):
    return np.arange(len(small)) / 25


def test_cuts_of_one_video_choose_the_same_frames_where_both_reach_far_enough(small):
    left, right = small[:100], small[40:]
    chosen = set(choose_key_frames(left, times(left)))
    moved = {position + 40 for position in choose_key_frames(right, times(right))}
    common = {position for position in chosen & moved if 40 < position < 100}
    assert len(common) >= 3
    assert 1 <= len(chosen) <= MAX_KEY_FRAMES


def test_a_longer_clip_chooses_no_other_frames_than_a_short_cut_of_it(small):
    """The reach doubles for the longer one; an extreme of a long time is one of a short time."""
    whole, cut = choose_key_frames(small, times(small)), choose_key_frames(small[50:100], times(small[50:100]))
    inner = {position - 50 for position in whole if 60 <= position < 90}
    alike = [min(np.abs(small[50 + one].astype(int) - small[50 + other]).mean() for other in cut) for one in inner]
    assert inner
    assert max(alike) < 2


def test_moments_are_the_frames_a_quarter_of_a_second_before_and_after():
    assert moments(np.arange(50) / 20, [0, 10, 48]).tolist() == [[0, 0, 5], [10, 5, 15], [48, 43, 49]]
    assert moments(np.zeros(1), [0]).tolist() == [[0, 0, 0]]
    assert moments(np.array([0.0, 3.0, 4.0]), [1]).tolist() == [[1, 0, 1]]


def test_a_still_clip_has_one():
    still = np.broadcast_to(np.arange(64, dtype=np.uint8), (50, 64, 64))
    assert choose_key_frames(still, np.arange(50) / 25) == [0]
    assert choose_key_frames(still[:1], np.zeros(1)) == [0]


def test_a_jump_is_chosen():
    """Frames of noise that stays, and changes at once at the eleventh."""
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, 256, (2, 64, 64), dtype=np.uint8)
    small = np.stack([first] * 10 + [second] * 10)
    assert {0, 10} >= {*choose_key_frames(small, np.arange(20) / 25)} >= {10}


def test_however_wild_there_are_few(small):
    noise = np.random.default_rng(0).integers(0, 256, (400, 64, 64), dtype=np.uint8)
    assert 1 <= len(choose_key_frames(noise, np.arange(400) / 25)) <= MAX_KEY_FRAMES
    assert choose_key_frames(noise, np.zeros(400)) == sorted(choose_key_frames(noise, np.zeros(400)))
