"""A zip that is one sample is bounded, and names in it do no harm."""

import io
import zipfile

import pytest

from pipeline.core.errors import ItemRejected
from pipeline.core.sample_codec import FileSet
from pipeline.core.zipped_sample import is_zip, unpack_sample


def zipped(entries, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_files_of_one_folder_are_sorted_by_name():
    data = zipped(
        [("c/2.png", b"two"), ("c/1.png", b"one"), ("c/.hidden", b"x"), ("__MACOSX/c/1.png", b"x"), ("c/", b"")]
    )
    assert is_zip(data)
    assert unpack_sample(data) == FileSet(files=(("1.png", b"one"), ("2.png", b"two")))


def test_one_file_is_its_bytes():
    assert unpack_sample(zipped([("deep/er/a.mp4", b"film")])) == b"film"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (zipped([("../up.png", b"x"), ("b.png", b"y")]), r"outside: the zip names '\.\./up\.png', which leaves it"),
        (zipped([("/etc/passwd", b"x")]), "outside: the zip names '/etc/passwd'"),
        (zipped([("C:\\a.png", b"x")]), "outside: the zip names 'C:"),
        (zipped([("a/1.png", b"x"), ("b/1.png", b"y")]), "ambiguous: a zip of several folders, 'a' and 'b'"),
        (zipped([("c/" + "ü" * 128, b"x"), ("c/b", b"y")]), "unreadable: a file name of more than 255 bytes"),
        (zipped([]), "empty: a zip without files"),
        (zipped([(".DS_Store", b"x")]), "empty: a zip without files"),
        (zipped([("inner.zip", zipped([("a.png", b"x")]))]), "unsupported: the zip holds a zip, 'inner.zip'"),
        (zipped([("zeros", bytes(3_000_000))]), "too_large: a zip that unpacks to too many bytes"),
        (zipped([("a.png", b"x" * 100)])[:40], "unreadable: a zip that cannot be unpacked: File is not a zip file"),
    ],
    ids=lambda one: one[:30] if isinstance(one, str) else "zip",  # bytes of a zip hold the time
)
def test_what_is_refused(data, message):
    with pytest.raises(ItemRejected, match=message):
        unpack_sample(data)


def test_all_files_together_are_bounded():
    data = zipped([(f"{number}.png", bytes(400)) for number in range(3)], zipfile.ZIP_STORED)
    with pytest.raises(ItemRejected, match="too_large"):
        unpack_sample(data, max_bytes=1000)


def test_damage_and_a_password_are_reasons():
    data = bytearray(zipped([("a.png", bytes(range(256)) * 20)], zipfile.ZIP_STORED))
    data[200] ^= 1
    with pytest.raises(ItemRejected, match=r"unreadable: .*Bad CRC-32"):
        unpack_sample(bytes(data))
    locked = bytearray(zipped([("a.png", b"x")]))
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ItemRejected, match="unreadable: an encrypted zip"):
        unpack_sample(bytes(locked))
