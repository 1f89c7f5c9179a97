"""What a file is by its first bytes, and the order of frames by their names."""

import pytest
from films import animation, film

from pipeline.clips.formats import SUFFIXES, container_of, frame_files, natural_key
from pipeline.core.errors import ItemRejected
from pipeline.core.sample_codec import FileSet


@pytest.mark.parametrize(
    ("container", "codec", "expected"),
    [("mp4", "libx264", "mov"), ("mov", "mjpeg", "mov"), ("matroska", "ffv1", "matroska"), ("avi", "mpeg4", "avi")],
)
def test_films(container, codec, expected):
    assert container_of(
        film(container=container, codec=codec, pixels="yuvj420p" if codec == "mjpeg" else "yuv420p")
    ) == (expected)


def test_animations():
    assert container_of(animation("GIF")) == "gif"
    assert container_of(animation("WEBP")) == "webp"


@pytest.mark.parametrize(
    "data",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\nfile:///etc/hostname\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\0\0\0\x1cftypheic\0\0\0\0",
        b"\x89PNG\r\n\x1a\n" + bytes(20),
        b"text, called a.mp4",
    ],
)
def test_others_are_no_clips(data):
    """Lists of other files would make FFmpeg read those."""
    with pytest.raises(
        ItemRejected, match=r"^not_a_clip: starts with .*; mp4, mov, avi, mkv, webm, gif, animated webp"
    ):
        container_of(data)


def test_nothing_is_empty():
    with pytest.raises(ItemRejected, match=r"^empty: 0 bytes$"):
        container_of(b"")


def test_frames_are_in_the_order_of_their_numbers():
    names = ["b10.png", "b2.PNG", "a.txt", "b1_10.jpg", "b1_9.jpg", "Thumbs.db", "B3.png"]
    found = frame_files(FileSet(files=tuple((name, b"") for name in names)))
    assert [name for name, _ in found] == ["b1_9.jpg", "b1_10.jpg", "b2.PNG", "B3.png", "b10.png"]
    assert natural_key("2.png") < natural_key("002.png") or natural_key("002.png") < natural_key("2.png")


FIVE = "\u0665"  # an Arabic digit


def test_numbers_of_any_length_and_script():
    """`int` refuses more than 4,300 digits."""
    names = ["9" * 4999, "1" * 5000, "0" * 5000 + "3", "4", FIVE, "0"]
    assert sorted(names, key=natural_key) == ["0", "0" * 5000 + "3", "4", FIVE, "9" * 4999, "1" * 5000]


def test_a_folder_without_pictures():
    with pytest.raises(ItemRejected, match=r"^no_frames: a folder of 2 files, none of them a picture$"):
        frame_files(FileSet(files=(("a.txt", b""), ("b.csv", b""))))


def test_suffixes_are_in_lower_case_with_the_dot():
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in SUFFIXES)
