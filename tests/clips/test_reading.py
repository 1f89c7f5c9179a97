"""Films, animations, folders and arrays to the frames that are taken, worked by hand."""

import io
import math

import numpy as np
import pytest
from films import STEP, animation, cut, film, numbered, numbers, reading, turned
from PIL import Image

from pipeline.clips import picture_frames, video
from pipeline.clips.reading import read_clip, read_clip_header
from pipeline.core.errors import ItemRejected
from pipeline.core.sample_codec import FileSet
from pipeline.images.decoding import decode


def folder(frames, names="{}.png"):
    files = []
    for number, frame in enumerate(frames):
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(frame)).save(buffer, "PNG")
        files.append((names.format(number), buffer.getvalue()))
    return FileSet(files=tuple(sorted(files)))


FILMS = {
    "mp4": ("mp4", "libx264", "yuv420p", "h264", "mov"),
    "mov": ("mov", "mjpeg", "yuvj420p", "mjpeg", "mov"),
    "avi": ("avi", "mpeg4", "yuv420p", "mpeg4", "avi"),
    "mkv": ("matroska", "ffv1", "bgr0", "ffv1", "matroska"),
    "webm": ("webm", "libvpx-vp9", "yuv420p", "vp9", "matroska"),
}


@pytest.mark.parametrize("kind", FILMS)
def test_films(kind):
    container, codec, pixels, name, found_container = FILMS[kind]
    data = film(container=container, codec=codec, pixels=pixels)
    clip = read_clip(data, reading(), True)
    assert (clip.frames.shape, clip.frames.dtype) == ((4, 48, 64, 3), np.uint8)
    assert numbers(clip.frames) == [2, 7, 12, 17]
    facts = clip.facts
    assert (facts.num_frames, facts.num_repeated, facts.codec, facts.container) == (20, 0, name, found_container)
    assert facts.duration == pytest.approx(2.0)
    assert numbers(read_clip(data, reading(sampling="dense"), False).frames) == [6, 8, 10, 12]
    assert 1 <= len(clip.key_frames) <= 16
    assert clip.key_frames.shape[1:] == (3, 64, 64)
    assert read_clip_header(data, reading()) == (64, 48, 20, False)


@pytest.mark.parametrize(
    ("codec", "options"),
    [("libx264", {"bf": "0"}), ("libx264", {}), ("libx264", {"g": "5"}), ("mpeg4", {}), ("mpeg4", {"g": "5"})],
)
@pytest.mark.parametrize("seconds", [0.3, 1.5])
def test_a_film_that_is_cut_without_encoding(codec, options, seconds):
    """The edit list hides the key frame, which frames that are shown need, or all frames up to a later key frame."""
    data = cut(film(numbered(20), codec=codec, **{"g": "20", **options}), seconds)
    clip = read_clip(data, reading(num_frames=4), False)
    left = 20 - int(10 * seconds)
    assert clip.facts.num_frames == left
    assert clip.facts.duration == pytest.approx(left / 10)
    shown = [20 - left + (2 * part + 1) * left // 8 for part in range(4)]
    assert numbers(clip.frames) == shown
    assert read_clip_header(data, reading()).depth == left


def test_a_film_of_which_an_edit_list_hides_all():
    with pytest.raises(ItemRejected, match=r"^no_frames: an edit list cuts all frames of the h264 track$"):
        read_clip(cut(film(numbered(8), bf="0"), 3), reading(), False)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_animations(kind):
    clip = read_clip(animation(kind), reading(), True)
    assert clip.frames.shape == (4, 48, 64, 3)
    assert numbers(clip.frames) == [2, 7, 12, 17]
    assert clip.facts.duration == pytest.approx(2.0)
    assert (clip.facts.codec, clip.facts.container) == (kind.lower(), kind.lower())
    assert read_clip_header(animation(kind), reading())[:3] == (64, 48, 20)


def test_an_animation_whose_frames_last_for_different_times():
    """3, 1, 1 and 1 seconds, as the timeline of test_sampling: middles are 0.75, 2.25, 3.75 and 5.25."""
    data = animation("GIF", numbered(4), [3000, 1000, 1000, 1000])
    assert numbers(read_clip(data, reading(), False).frames) == [0, 0, 1, 3]


def test_an_animation_that_claims_no_time_lasts_a_tenth_of_a_second_a_frame():
    assert read_clip(animation("GIF", numbered(5), 0), reading(), False).facts.duration == pytest.approx(0.5)


def test_transparent_frames_are_on_white():
    buffer = io.BytesIO()
    clear = [Image.new("RGBA", (32, 32), (number, 0, 0, 0)) for number in range(3)]
    clear[0].save(buffer, "WEBP", save_all=True, append_images=clear[1:], lossless=True, exact=True)
    assert read_clip(buffer.getvalue(), reading(), False).frames.min() == 255


def test_a_film_whose_frames_last_for_different_times():
    """Shown from 0, 3, 4 and 5 s on, the fourth for 0.1 s as the track says: middles 0.6, 1.9, 3.2 and 4.5."""
    data = film(numbered(4), container="matroska", codec="ffv1", pixels="bgr0", times=[0, 300, 400, 500])
    assert numbers(read_clip(data, reading(), False).frames) == [0, 0, 1, 2]


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_film_that_is_shown_turned(quarters):
    """Its upper left is white; turned with the clock that is at the upper right, the lower right, the lower left."""
    frames = np.zeros((5, 48, 64, 3), np.uint8)
    frames[:, :24, :32] = 255
    data = turned(film(frames, codec="mpeg4"), quarters)
    clip = read_clip(data, reading(), True)
    shape = (48, 64) if quarters == 2 else (64, 48)
    assert clip.frames.shape == (4, *shape, 3)
    expected = np.rot90(frames[0, :, :, 0], -quarters)
    assert np.abs(clip.frames[0, :, :, 0].astype(int) - expected).mean() < 10
    assert read_clip_header(data, reading()) == (shape[1], shape[0], 5, True)


def test_grey_films_have_one_channel_and_grey_films_in_colour_three():
    grey = np.ascontiguousarray(numbered()[..., 0])
    clip = read_clip(film(grey, container="matroska", codec="ffv1", pixels="gray"), reading(), False)
    assert clip.frames.shape == (4, 48, 64)
    np.testing.assert_array_equal(clip.frames[:, 0, 0], np.array([2, 7, 12, 17]) * STEP)
    assert read_clip(film(), reading(), False).frames.ndim == 4


def test_a_film_with_sound_and_a_film_with_few_frames():
    assert numbers(read_clip(film(sound=True), reading(), False).frames) == [2, 7, 12, 17]
    clip = read_clip(film(numbered(2)), reading(), False)
    assert numbers(clip.frames) == [0, 0, 1, 1]
    assert clip.facts.num_repeated == 2
    assert numbers(read_clip(film(numbered(3)), reading(sampling="dense"), False).frames) == [0, 2, 2, 2]


def test_a_folder_of_frames():
    clip = read_clip(folder(numbered()), reading(), True)
    np.testing.assert_array_equal(clip.frames, numbered()[[2, 7, 12, 17]])
    assert (clip.facts.num_frames, clip.facts.codec, clip.facts.container) == (20, None, "frames")
    assert math.isnan(clip.facts.duration)
    assert read_clip_header(folder(numbered()), reading()) == (64, 48, 20, False)


def test_of_a_folder_only_the_frames_that_are_taken_are_decoded(monkeypatch):
    decoded = []
    monkeypatch.setattr(picture_frames, "decode", lambda data, limits: decoded.append(1) or decode(data, limits))
    read_clip(folder(numbered()), reading(num_frames=3), False)
    assert len(decoded) == 3


def test_a_folder_with_one_frame_in_colour():
    grey = [np.full((8, 8), level, np.uint8) for level in (1, 2)]
    clip = read_clip(folder([grey[0], np.full((8, 8, 3), 9, np.uint8), grey[1]]), reading(num_frames=3), False)
    assert clip.frames.shape == (3, 8, 8, 3)
    assert clip.frames[:, 0, 0].tolist() == [[1, 1, 1], [9, 9, 9], [2, 2, 2]]
    assert read_clip(folder(grey), reading(), False).frames.shape == (4, 8, 8)


def test_a_folder_with_a_damaged_frame_or_frames_of_two_sizes():
    good = folder(numbered(3)).files
    with pytest.raises(ItemRejected, match=r"^truncated: frame 1\.png: "):
        read_clip(FileSet(files=(good[0], ("1.png", good[1][1][:60]), good[2])), reading(), False)
    other = folder(numbered(1, 24, 64)).files[0][1]
    with pytest.raises(ItemRejected, match=r"^unsupported: a frame of 64 x 24 pixels after one of 64 x 48; all frames"):
        read_clip(FileSet(files=(*good, ("9.png", other))), reading(), False)


def test_pixels_of_a_source():
    colour = numbered(20)
    np.testing.assert_array_equal(read_clip(colour, reading(), False).frames, colour[[2, 7, 12, 17]])
    grey = np.ascontiguousarray(colour[..., 0])
    assert read_clip(grey, reading(), False).frames.shape == (4, 48, 64)
    assert read_clip(grey[0], reading(), False).frames.shape == (4, 48, 64)
    with pytest.raises(ItemRejected, match=r"^no_frames: an array of shape \(0, 8, 8\)"):
        read_clip(np.zeros((0, 8, 8), np.uint8), reading(), False)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"max_frames": 19}, r"^too_long: more than 19 frames \(media\.max_frames\)$"),
        ({"max_seconds": 1.45}, r"^too_long: (2|1\.5) seconds, at most 1\.45 \(media\.max_seconds\)$"),
        ({"max_pixels": 3000}, r"^too_large: frames of 64 x 48 pixels, at most 3000 allowed$"),
        ({"num_frames": 200_000}, r"^too_large: 200000 frames of 64 x 48 pixels take more than 1073741824 bytes"),
    ],
)
@pytest.mark.parametrize(
    "made", [film, lambda: animation("GIF"), lambda: animation("WEBP")], ids=["mp4", "gif", "webp"]
)
def test_limits(made, choices, message):
    with pytest.raises(ItemRejected, match=message):
        read_clip(made(), reading(**choices), False)


def test_a_large_clip_in_few_frames_takes_the_memory_of_those(monkeypatch):
    """Only the frames that are taken become pixels."""
    made = []
    original = video._turn
    monkeypatch.setattr(video, "_turn", lambda array, quarters: made.append(array.shape) or original(array, quarters))
    read_clip(film(), reading(num_frames=3), False)
    assert made == [(48, 64, 3)] * 3
