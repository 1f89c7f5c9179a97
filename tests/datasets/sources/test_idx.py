"""IDX files give their pictures as arrays; a header that does not fit the file is said."""

import gzip
import struct

import numpy as np
import pytest

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.sources import idx
from pipeline.datasets.sources.idx import Idx

PIXELS = np.arange(11 * 2 * 3, dtype=np.uint8)


def compress(data):
    return gzip.compress(data, mtime=0)


def packed(magic, shape, data):
    return struct.pack(f">{1 + len(shape)}I", magic, *shape) + data


IMAGES = packed(0x803, (11, 2, 3), PIXELS.tobytes())
LABELS = packed(0x801, (11,), bytes([7, 3] * 5 + [9]))


@pytest.fixture
def source(tmp_path):
    """A source of the given bytes; a None is a file that is not there."""

    def build(images=IMAGES, labels=LABELS):
        for name, data in (("images", images), ("labels", labels)):
            if data is not None:
                (tmp_path / name).write_bytes(data)
        return Idx(name="i", images=str(tmp_path / "images"), labels=str(tmp_path / "labels"), watch=str(tmp_path))

    idx._load.cache_clear()
    yield build
    idx._load.cache_clear()


@pytest.mark.parametrize("pack", [bytes, compress])
def test_numbers_labels_and_pixels(source, pack):
    one = source(pack(IMAGES), pack(LABELS))
    table = one.read()
    assert table["path"].tolist() == [f"{number:02d}" for number in range(11)]
    assert table["labels"].tolist() == [["7"], ["3"]] * 5 + [["9"]]
    picture = one.open("10")
    assert picture.dtype == np.uint8
    assert picture.tolist() == [[60, 61, 62], [63, 64, 65]]


def test_pictures_in_colour(source):
    one = source(packed(0x804, (11, 1, 2, 3), PIXELS.tobytes()))
    assert one.open("00").tolist() == [[[0, 1, 2], [3, 4, 5]]]


@pytest.mark.parametrize("path", ["11", "-1", "x", "²", ""])
def test_a_picture_that_is_not_there(source, path):
    with pytest.raises(ItemRejected, match=r"missing: .*images has 11 pictures"):
        source().open(path)


def test_a_file_that_shrinks_or_vanishes_during_the_scan(source, tmp_path):
    one = source()
    one.read()
    (tmp_path / "images").write_bytes(IMAGES[:-5])
    assert one.open("00").shape == (2, 3)
    with pytest.raises(ItemRejected, match=r"truncated: .*images has become shorter"):
        one.open("10")
    (tmp_path / "images").unlink()
    with pytest.raises(ItemRejected, match=r"missing: .*images cannot be read any more: No such file"):
        one.open("00")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (None, r"source\.images '.*images' does not exist; set it to an IDX file"),
        (b"", r"is no IDX file of images: it starts with 0x, expected 0x00000803 or 0x00000804"),
        (LABELS, r"is no IDX file of images: it starts with 0x00000801, expected"),
        (b"\x89PNG", r"is no IDX file of images: it starts with 0x89504e47"),
        (packed(0xD03, (1, 1, 1), b"1234"), r"starts with 0x00000d03, expected 0x00000803"),
        (IMAGES[:10], r"ends within its header; download it again"),
        (IMAGES[:-1], r"ends early: 65 of 66 bytes after its header; download it again"),
        (IMAGES + b"x", r"has more than the 66 bytes that its header gives"),
        (compress(IMAGES[:-1]), r"ends early: 65 of 66 bytes"),
        (compress(IMAGES + b"x"), r"has more than the 66 bytes"),
        (compress(IMAGES)[:-9], r"ends early"),
        (compress(IMAGES)[:-8] + bytes(8), r"'.*images' cannot be read \(CRC check failed"),
        (packed(0x803, (0, 2, 3), b""), r"holds an array of \(0, 2, 3\); expected at least one picture"),
        (
            packed(0x804, (1, 1, 1, 4), b"1234"),
            r"holds an array of \(1, 1, 1, 4\); expected at least one picture, grey",
        ),
        (packed(0x803, (10, 2, 3), PIXELS[:60].tobytes()), r"has 10 pictures and .* 11 labels; expected equal numbers"),
        (packed(0x803, (2**32 - 1,) * 3, b""), r"ends early: 0 of 79228162458924105385300197375 bytes"),
    ],
)
def test_what_is_wrong_with_the_file(source, images, message):
    with pytest.raises(UserError, match=message):
        source(images).read()


def test_a_gz_that_unpacks_to_too_much_is_not_unpacked(source):
    with pytest.raises(UserError, match=r"unpacks to 79228162458924105385300197375 bytes, at most 536870912 are read"):
        source(compress(packed(0x803, (2**32 - 1,) * 3, bytes(1000)))).read()
