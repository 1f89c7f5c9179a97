"""Clips that are damaged or made to harm: each is refused with a reason or decoded, in bounded memory and time."""

import struct

import numpy as np
import pytest
from films import animation, film, numbered, reading, sound_alone

from pipeline.clips import decoder_process
from pipeline.clips.decoder_process import decode_apart, header_apart
from pipeline.core.errors import ItemRejected
from pipeline.images.decoding import REJECTION_REASONS

LIMITS = reading(time_limit=5, num_frames=2)
SMALL = numbered(8, 32, 32)
FILES = {
    "mp4": lambda: film(SMALL, preset="ultrafast"),
    "avi": lambda: film(SMALL, container="avi", codec="mpeg4"),
    "mkv": lambda: film(SMALL, container="matroska", preset="ultrafast"),
    "webm": lambda: film(SMALL, container="webm", codec="libvpx-vp9", cpu_used="8"),
    "gif": lambda: animation("GIF", SMALL),
    "webp": lambda: animation("WEBP", SMALL),
}


@pytest.fixture(autouse=True, scope="module")
def _no_process_stays():
    yield
    decoder_process.stop()


def outcome(data):
    """The number of frames, or the reason of the rejection."""
    try:
        return decode_apart(data, LIMITS, True).facts.num_frames
    except ItemRejected as refused:
        return refused.reason if refused.reason in REJECTION_REASONS and refused.detail else "unknown"


@pytest.mark.parametrize("kind", FILES)
def test_a_file_cut_anywhere(kind):
    """A file that holds fewer than nine of ten frames is no clip, unless an index at its end can be missed."""
    data = FILES[kind]()
    assert outcome(data) == 8
    found = {cut: outcome(data[:cut]) for cut in range(0, len(data), max(10, len(data) // 60))}
    assert found[0] == "empty"
    seen = {cut: number for cut, number in found.items() if isinstance(number, int)}
    assert all(number >= 5 for number in seen.values()), seen  # two frames less than announced count as rounding
    assert len(seen) < len(found) / 3
    assert {*found.values()} - {*seen.values()} <= {"empty", "not_a_clip", "no_frames", "truncated", "unsupported"}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_in_which_bytes_are_changed(kind):
    data, generator = FILES[kind](), np.random.default_rng(0)
    for _ in range(25):
        changed = bytearray(data)
        for place in generator.integers(0, len(data), 4):
            changed[place] = generator.integers(256)
        found = outcome(bytes(changed))
        assert found in REJECTION_REASONS or found <= LIMITS.max_frames


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"plain text, called a.mp4", "not_a_clip"),
        (bytes(4000), "not_a_clip"),
        (b"\0\0\0\x18ftypisom" + bytes(4000), "truncated"),
        (b"\x1aE\xdf\xa3" + bytes(4000), "truncated"),
        (b"GIF89a" + bytes(40), "truncated"),
        (b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b",;", "too_large truncated"),
    ],
)
def test_no_clip(data, reason):
    assert outcome(data) in reason.split()


def test_sound_alone():
    with pytest.raises(ItemRejected, match=r"^no_frames: sound alone$"):
        decode_apart(sound_alone(), LIMITS, False)


def test_a_header_that_claims_more_than_is_allowed():
    """Frames of 10,000 x 10,000 and of 60,000 x 60,000, and ten hours."""
    large = bytearray(film(SMALL, container="avi", codec="rawvideo", pixels="bgr24"))
    place = large.index(b"strf") + 12  # of the width and the height
    for side, expected in (
        (10_000, r"too_large: .* of 10000 x 10000 pixels, at most 1000000"),
        (60_000, r"no_frames: "),
    ):
        large[place : place + 8] = struct.pack("<ii", side, side)
        with pytest.raises(ItemRejected, match=rf"^{expected}"):
            decode_apart(bytes(large), LIMITS, False)
    long = film(SMALL, container="matroska", preset="ultrafast")
    duration = long.index(b"\x44\x89\x88") + 3  # the element Duration, a number of 8 bytes in milliseconds
    long = long[:duration] + struct.pack(">d", 36_000_000) + long[duration + 8 :]
    with pytest.raises(ItemRejected, match=r"^too_long: 36000 seconds, at most 60 \(media\.max_seconds\)$"):
        decode_apart(long, LIMITS, False)


def test_frames_larger_than_the_header_says():
    """Two films one after the other in one track: the second one is larger than may be decoded."""
    small, large = (
        film(SMALL, container="avi", codec="mjpeg", pixels="yuvj420p"),
        film(numbered(8, 1200, 1200), container="avi", codec="mjpeg", pixels="yuvj420p"),
    )
    (start, end), frame = span(small), large[slice(*span(large))]
    grown = bytearray(small)
    grown[start:end] = frame
    grown[start - 4 : start] = struct.pack("<I", len(frame))
    assert outcome(bytes(grown)) in ("too_large", "truncated", "no_frames", 7)


def span(avi):
    """Where the bytes of the first frame of a Motion JPEG lie."""
    place = avi.index(b"00dc", avi.index(b"movi"))
    length = struct.unpack_from("<I", avi, place + 4)[0]
    return place + 8, place + 8 + length


def test_an_encrypted_film():
    data = film(
        SMALL,
        muxer={
            "encryption_scheme": "cenc-aes-ctr",
            "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
            "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
        },
    )
    with pytest.raises(ItemRejected, match=r"^unsupported: the video is encrypted; write it without a key$"):
        decode_apart(data, LIMITS, False)


def test_a_gif_of_many_frames_in_few_bytes():
    """A thousand frames of one pixel on a canvas of a megapixel: 35 kB that would be 3 GB."""
    start = b"GIF89a" + struct.pack("<HHBBB", 1000, 1000, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    assert outcome(start + frame * 1000 + b";") == "too_long"
    assert outcome(start + frame * 20 + b";") == 20
    assert header_apart(start + frame * 20 + b";", LIMITS).depth == 20


def test_a_text_with_names_of_other_files_reads_none(tmp_path):
    """FFmpeg's own formats of lists would open them."""
    other = tmp_path / "other.mp4"
    other.write_bytes(film(SMALL))
    for text in (f"ffconcat version 1.0\nfile {other}\n", f"#EXTM3U\n#EXTINF:2,\n{other}\n#EXT-X-ENDLIST\n"):
        assert outcome(text.encode()) == "not_a_clip"
