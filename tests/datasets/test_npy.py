"""Packed arrays are streamed; a full disk leaves nothing half written."""

import errno
import io
import resource

import numpy as np
import pytest

from pipeline.core import artifacts
from pipeline.datasets.npy import contact_sheet, write_array


@pytest.mark.parametrize("shape", [(5, 4, 6, 3), (1, 8, 8, 1), (0, 8, 8, 3)])
def test_what_is_written_is_what_numpy_loads(tmp_path, shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    write_array(tmp_path / "images.npy", iter(images), shape)
    for mode in (None, "r"):
        loaded = np.load(tmp_path / "images.npy", mmap_mode=mode)
        assert loaded.dtype == np.uint8
        np.testing.assert_array_equal(loaded, images)


def test_the_bytes_are_those_of_numpy(tmp_path):
    images = np.arange(96, dtype=np.uint8).reshape(2, 4, 4, 3)
    write_array(tmp_path / "ours.npy", images, images.shape)
    np.save(tmp_path / "numpys.npy", images)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpys.npy").read_bytes()


def test_pictures_need_not_be_contiguous(tmp_path):
    images = np.arange(96, dtype=np.uint8).reshape(2, 4, 4, 3)
    turned = [image[::-1, ::-1] for image in images]
    write_array(tmp_path / "images.npy", turned, images.shape)
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy"), images[:, ::-1, ::-1])


def test_pictures_are_taken_one_by_one(tmp_path):
    taken = []

    def drawn():
        for number in range(3):
            taken.append(number)
            yield np.full((2, 2, 1), number, dtype=np.uint8)

    source = drawn()
    assert taken == []
    write_array(tmp_path / "images.npy", source, (3, 2, 2, 1))
    assert taken == [0, 1, 2]


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 4, 4, 3), dtype=np.uint8),
        np.zeros((4, 4, 4, 3), dtype=np.uint8),
        np.zeros((3, 4, 5, 3), dtype=np.uint8),
        np.zeros((3, 4, 4, 3), dtype=np.float32),
    ],
    ids=["fewer", "more", "shape", "type"],
)
def test_other_pictures_than_announced_are_our_bug(tmp_path, images):
    with pytest.raises(AssertionError):
        write_array(tmp_path / "images.npy", images, (3, 4, 4, 3))


@pytest.fixture
def small_disk():
    """No file may grow past 64 KiB; the system answers as it does when the disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("earlier", [True, False])
def test_a_full_disk_is_an_error_and_keeps_what_was_there(tmp_path, small_disk, earlier):
    target = tmp_path / "packed"
    if earlier:
        target.mkdir()
        (target / "images.npy").write_bytes(b"earlier")
    images = np.zeros((100, 32, 32, 1), dtype=np.uint8)

    def pack():
        with artifacts.atomic_write(target) as folder:
            folder.mkdir()
            write_array(folder / "images.npy", images, images.shape)

    with pytest.raises(OSError, match="File too large") as caught:
        pack()
    assert caught.value.errno == errno.EFBIG
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == (
        ["packed", "packed/images.npy"] if earlier else []
    )
    assert not earlier or (target / "images.npy").read_bytes() == b"earlier"


class Full(io.BytesIO):
    """A file on a disk that takes 4,096 bytes."""

    def write(self, data):
        if self.tell() + len(memoryview(data).cast("B")) > 4096:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_no_space_left_is_passed_on():
    class Place:
        def open(self, mode):
            return Full()

    images = np.zeros((5, 32, 32, 1), dtype=np.uint8)
    write_array(Place(), images[:3], (3, 32, 32, 1))
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_array(Place(), images, images.shape)
    assert caught.value.errno == errno.ENOSPC


def test_sheet_by_hand():
    def plain(value):
        return np.full((2, 3, 3), value, dtype=np.uint8)

    found = contact_sheet([[plain(1), plain(2)], [plain(3)]], gap=1)
    assert found.dtype == np.uint8
    w = 255
    assert found[:, :, 0].tolist() == [
        [w, w, w, w, w, w, w, w, w],
        [w, 1, 1, 1, w, 2, 2, 2, w],
        [w, 1, 1, 1, w, 2, 2, 2, w],
        [w, w, w, w, w, w, w, w, w],
        [w, 3, 3, 3, w, w, w, w, w],
        [w, 3, 3, 3, w, w, w, w, w],
        [w, w, w, w, w, w, w, w, w],
    ]
    assert (found[:, :, 0] == found[:, :, 2]).all()


def test_a_sheet_shows_grey_in_three_channels():
    found = contact_sheet([[np.full((2, 2, 1), 7, dtype=np.uint8)]])
    assert found.shape == (10, 10, 3)
    assert (found[4:6, 4:6] == 7).all()
    assert found.sum() == 7 * 12 + 255 * 3 * (100 - 4)
