"""The measurements of a clip, worked by hand."""

import math

import numpy as np
import pytest
from films import animation, film, late, numbered, reading

from pipeline.clips.contact import contact_sheet
from pipeline.clips.properties import measure, motion_energy
from pipeline.clips.reading import read_clip
from pipeline.images import properties
from pipeline.images.decoding import content_hash


def test_motion_energy():
    frames = np.array([0, 51, 0], np.uint8)[:, None, None] * np.ones((3, 4, 5), np.uint8)
    assert motion_energy(frames) == pytest.approx(51 / 255)
    assert motion_energy(np.stack([frames] * 3, axis=-1)) == pytest.approx(51 / 255)
    assert motion_energy(frames[:1]) == 0
    assert motion_energy(np.stack([frames[0], np.full((4, 5), 255, np.uint8)])) == 1


def test_a_film():
    data = film(numbered(3), container="matroska", codec="ffv1", pixels="bgr0")  # nothing is lost
    clip = read_clip(data, reading(), False)
    found = measure(clip, len(data))
    assert (found.height, found.width, found.depth, found.channels) == (48, 64, 4, 3)
    assert found.content_hash == content_hash(clip.frames)
    assert found.encoding == {"format": "matroska", "camera": None, "time": None}
    assert found.attributes == {"codec": "ffv1", "container": "matroska"}
    named = found.properties
    assert named["num_frames"] == 3
    assert named["repeated_frames"] == 1  # frames 0, 1, 1 and 2
    assert named["duration"] == pytest.approx(0.3)
    assert named["fps"] == pytest.approx(10)
    assert named["bit_rate"] == pytest.approx(8 * len(data) / 0.3)
    assert named["motion_energy"] == pytest.approx((12 + 0 + 12) / 3 / 255)
    assert named["brightness"] == pytest.approx((0 + 12 + 12 + 24) / 4 / 255)
    assert (named["aspect_ratio"], named["num_pixels"], named["num_bytes"]) == (64 / 48, 64 * 48, len(data))
    assert math.isnan(named["jpeg_quality"])


def test_a_film_that_begins_in_millions_of_years():
    """At 2**60 milliseconds a float has steps of 128 ms: the end of the frame, 40 ms later, was its begin."""
    found = measure(read_clip(late(2**60), reading(), True), 99).properties
    assert found["duration"] == pytest.approx(0.04)
    assert found["fps"] == pytest.approx(25)


def test_pixels_say_nothing_of_time():
    found = measure(read_clip(np.ascontiguousarray(numbered()[..., 0]), reading(), False), 99)
    assert found.channels == 1
    assert all(math.isnan(found.properties[name]) for name in ("duration", "fps", "bit_rate"))
    assert (found.encoding["format"], found.attributes) == ("pixels", {})


def test_every_property_of_a_picture_is_there():
    picture = properties.measure(numbered(1)[0].copy(), 9).properties
    clip = measure(read_clip(animation("GIF"), reading(), False), 9).properties
    own = {"num_frames", "duration", "fps", "bit_rate", "motion_energy", "repeated_frames"}
    assert set(clip) == set(picture) | own


def test_a_contact_sheet():
    """Frames 1, 3, 5 and 7 of eight, from left to right and down."""
    frames = np.arange(8, dtype=np.uint8)[:, None, None] * np.ones((8, 2, 3), np.uint8)
    sheet = contact_sheet(frames)
    assert sheet.shape == (4, 6)
    assert sheet[::2, ::3].tolist() == [[1, 3], [5, 7]]
    assert contact_sheet(frames[:1]).shape == (2, 3)
    assert contact_sheet(frames[:2])[::2, ::3].tolist() == [[0, 0], [1, 1]]
    assert contact_sheet(np.stack([frames] * 3, axis=-1)).shape == (4, 6, 3)


def test_the_hash_sees_time():
    """Two clips with one middle frame; and a copy that is compressed more."""
    frames = np.stack([np.roll(texture(), 3 * number, axis=1) for number in range(16)])
    other = np.concatenate([frames[:6][::-1], frames[6:10], frames[10:][::-1]])
    hashes = [hash_of(frames), hash_of(other), hash_of(np.clip(frames.astype(int) + noise(frames.shape), 0, 255))]
    assert (hashes[0] ^ hashes[1]).bit_count() > 4
    assert (hashes[0] ^ hashes[2]).bit_count() <= 2


def texture():
    down, across = np.mgrid[0:48, 0:64]
    return (127 + 60 * np.sin(across / 9) + 60 * np.cos(down / 7 + across / 31)).astype(np.uint8)


def noise(shape):
    return np.random.default_rng(0).integers(-4, 5, shape)


def hash_of(frames):
    clip = read_clip(frames.astype(np.uint8), reading(num_frames=16), False)
    return int(measure(clip, 1).perceptual_hash, 16)
