"""Archives, honest and hostile: what is in them is read, what would leave, fill or fool is refused and counted."""

import bz2
import contextlib
import errno
import gzip
import io
import lzma
import os
import pickle
import stat
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from file_options import from_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_examples import ingest
from source_examples import FORMATS

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.datasets.sources import archive as module
from pipeline.datasets.trees.archive_entries import Bounds, unpack

ROOT = Path(__file__).parents[3]
PACKERS = {"zip": "zip", "tar": "tar", "tar.gz": "gztar", "tar.bz2": "bztar", "tar.xz": "xztar"}


def built(path, tree, **inner):
    node = {
        "_target_": "pipeline.datasets.sources.archive.Archive",
        "name": "packed",
        "path": str(path),
        "tree": str(tree),
        "watch": str(path),
        "max_bytes": 10**9,
        "max_entries": 1000,
        "inner": {
            "_target_": "pipeline.datasets.sources.folder.Folder",
            "name": "x",
            "path": str(tree),
            "watch": "x",
            **inner,
        },
    }
    return config.build(node, "source")


def tarred(path, *entries):
    """A tar of TarInfos, or names with content."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in entries:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def info(name, kind, target=""):
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


def zipped(path, *entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def linked(name, target):
    made = zipfile.ZipInfo(name)
    made.external_attr = (stat.S_IFLNK | 0o777) << 16
    return made, target


def unpacked(path, folder, **bounds):
    folder.mkdir()
    refused = unpack(path, folder, Bounds(**{"max_bytes": 10**9, "max_entries": 1000, **bounds}))
    found = {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}
    assert not [one for one in folder.rglob("*") if one.is_symlink()]
    return found, {item.path: item.refused.reason for item in refused}


@pytest.mark.parametrize("option", FORMATS)
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_every_format_is_read_from_an_archive_as_from_its_folder(tmp_path, option, kind):
    made, tree = tmp_path / "made", tmp_path / "tree"
    made.mkdir()
    told = FORMATS[option](made)
    node = config.yaml.safe_load(config.compose(ROOT / "conf", [f"source={option}"]))["source"]
    outside = config.build({**node, **told}, "source")
    expected = outside.read()
    bytes_before = [outside.open(path) for path in expected["path"][:3]]
    path = pack(made, tmp_path / f"pictures.{kind}")
    inner = config.build({**node, **{key: one.replace(str(made), str(tree)) for key, one in told.items()}}, "inner")
    choices = {"name": "x", "path": str(path), "watch": "x", "max_bytes": 10**9, "max_entries": 99}
    source = module.Archive(tree=str(tree), inner=inner, **choices)
    assert source.read().equals(expected)
    for name, before in zip(expected["path"][:3], bytes_before, strict=True):
        after = source.open(name)
        assert after == before if isinstance(before, bytes) else (after == before).all()


def pack(folder, path):
    import shutil

    kind = PACKERS[path.name.split(".", 1)[1]]
    return Path(shutil.make_archive(str(path).removesuffix("." + path.name.split(".", 1)[1]), kind, folder))


@pytest.mark.parametrize("kind", PACKERS)
def test_every_kind_of_archive_is_told_by_its_first_bytes(tmp_path, picture_folder, kind):
    path = pack(picture_folder, tmp_path / f"pictures.{kind}").rename(tmp_path / "without_extension")
    manifest, quarantine = ingest(built(path, tmp_path / "tree"), max_pixels=9_999)
    assert manifest["path"].tolist() == [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(4)]
    assert quarantine.empty


def test_an_unchanged_archive_is_unpacked_once_and_a_changed_one_again(tmp_path, picture_folder, monkeypatch):
    path = pack(picture_folder, tmp_path / "pictures.zip")
    source, calls = built(path, tmp_path / "tree"), []
    monkeypatch.setattr(module, "unpack", lambda *given: calls.append(given) or unpack(*given))
    first, second = source.read(), source.read()
    assert first.equals(second)
    stamps = [source.stat(name) for name in first["path"]]
    assert None not in stamps
    assert len(calls) == 1
    (picture_folder / "cat" / "0.png").unlink()
    pack(picture_folder, path)
    assert "cat/0.png" not in set(source.read()["path"])
    assert len(calls) == 2


def test_pictures_are_opened_without_read_as_a_later_stage_does(tmp_path, picture_folder):
    path = pack(picture_folder, tmp_path / "pictures.zip")
    assert built(path, tmp_path / "tree").open("cat/0.png") == (picture_folder / "cat/0.png").read_bytes()


def test_a_process_looks_once_whether_the_tree_is_there_however_many_copies_it_gets(
    tmp_path, picture_folder, monkeypatch
):
    path = pack(picture_folder, tmp_path / "pictures.zip")
    seen, look = [], module.unpacked_tree.read_record
    monkeypatch.setattr(module.unpacked_tree, "read_record", lambda tree: seen.append(tree) or look(tree))
    sent = pickle.dumps(built(path, tmp_path / "tree"))
    for _ in range(20):  # parallel_map sends the source with every batch
        pickle.loads(sent).open("cat/0.png")
    assert len(seen) == 1
    pickle.loads(sent).read()  # the archive may be another one now
    pickle.loads(sent).open("cat/0.png")
    assert len(seen) == 3


def test_what_must_not_become_a_file_is_refused_and_accounted_for(tmp_path, picture_folder, encode, noise):
    good = [(one.relative_to(picture_folder).as_posix(), one.read_bytes()) for one in picture_folder.rglob("*.png")]
    path = tarred(
        tmp_path / "hostile.tar",
        *good,
        ("../escaped.png", b"x"),
        ("cat/../../escaped.png", b"x"),
        ("/tmp/absolute.png", b"x"),
        ("C:\\windows.png", b"x"),
        ("cat/\udcff.png", b"x"),
        ("cat/" + "n" * 300 + ".png", b"x"),
        ("cat/0.png", b"other"),
        ("CAT/0.png", b"case"),
        ("cat/0.png/below.png", b"x"),
        ("cat", b"a file where a folder is"),
        (info("cat/device.png", tarfile.CHRTYPE), b""),
        (info("cat/pipe.png", tarfile.FIFOTYPE), b""),
        (info("cat/out.png", tarfile.SYMTYPE, "../../etc/passwd"), b""),
        (info("cat/far.png", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (info("cat/hard.png", tarfile.LNKTYPE, "../passwd"), b""),
        (info("cat/dangling.png", tarfile.SYMTYPE, "nowhere.png"), b""),
        (info("cat/loop.png", tarfile.SYMTYPE, "loop.png"), b""),
        (info("../folder", tarfile.DIRTYPE), b""),
        (".hidden/1.png", b"x"),
        ("__MACOSX/cat/._0.png", b"x"),
        (info("dog/inside.png", tarfile.SYMTYPE, "../cat/0.png"), b""),
        (info("dog/same.png", tarfile.LNKTYPE, "dog/inside.png"), b""),
    )
    source = built(path, tmp_path / "tree")
    rows = source.read()
    manifest, quarantine = ingest(source, max_pixels=9_999)
    assert len(manifest) + len(quarantine) == len(rows)
    assert len(manifest) == 10  # eight, and two links that stay within
    assert {"dog/inside.png", "dog/same.png"} <= set(manifest["path"])
    assert dict(zip(quarantine["path"], quarantine["reason"], strict=True)) == {
        "../escaped.png": "outside",
        "cat/../../escaped.png": "outside",
        "/tmp/absolute.png": "outside",
        "C:\\windows.png": "outside",
        "cat/\\xff.png": "bad_name",
        "cat/" + "n" * 300 + ".png": "bad_name",
        "cat/0.png": "duplicate_name",
        "CAT/0.png": "duplicate_name",
        "cat/0.png/below.png": "duplicate_name",
        "cat": "duplicate_name",
        "cat/device.png": "unreadable",
        "cat/pipe.png": "unreadable",
        "cat/out.png": "outside",
        "cat/far.png": "outside",
        "cat/hard.png": "outside",
        "cat/dangling.png": "missing",
        "cat/loop.png": "missing",
        "../folder": "outside",
    }
    assert not list(tmp_path.rglob("escaped.png"))
    assert manifest.set_index("path")["labels"]["dog/same.png"] == ["dog"]


def test_entries_of_a_zip_fail_alone(tmp_path):
    path = zipped(
        tmp_path / "a.zip",
        ("a.txt", "whole"),
        ("b.txt", "harmed"),
        ("c.txt", "locked"),
        ("..\\up.txt", "x"),
        linked("in.txt", "a.txt"),
        linked("out.txt", "../secret"),
    )
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        harmed, locked = (archive.getinfo(name) for name in ("b.txt", "c.txt"))
    data[harmed.header_offset + 30 + len("b.txt")] ^= 0xFF
    central = data.rindex(b"c.txt") - 46
    data[central + 8] |= 1
    data[locked.header_offset + 6] |= 1
    path.write_bytes(data)
    found, refused = unpacked(path, tmp_path / "tree")
    assert found == {"a.txt": b"whole", "in.txt": b"whole"}
    assert refused == {
        "b.txt": "truncated", "c.txt": "unreadable", "..\\up.txt": "outside", "out.txt": "outside"
    }  # fmt: skip


def harmed(path, content):
    path.write_bytes(content)
    return path


WHOLE = io.BytesIO()
with tarfile.open(fileobj=WHOLE, mode="w") as _archive:
    for _name in ("a", "b", "c"):
        _info = tarfile.TarInfo(_name)
        _info.size = 700
        _archive.addfile(_info, io.BytesIO(bytes(700)))
TAR = WHOLE.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b"PK\x03\x04 but no zip",
        TAR[:700],
        TAR[:1536],  # cut between two entries, where tar sees nothing amiss
        TAR[:1536] + b"garbage".ljust(512, b"x") + TAR[2048:],
        gzip.compress(TAR)[:-30],
        bz2.compress(TAR)[:-10],
        lzma.compress(TAR)[:-10],
        gzip.compress(b"text"),
        b"\x1f\x8bnot gzip at all",
    ],
    ids=range(11),
)
def test_a_damaged_archive_ends_in_one_line_and_leaves_nothing(tmp_path, content):
    path = harmed(tmp_path / "a.tar", content)
    with pytest.raises(UserError, match=r"a\.tar is damaged, or no archive \(.+\); download or copy it again"):
        built(path, tmp_path / "trees" / "tree").read()
    assert [one.name for one in (tmp_path / "trees").iterdir()] == [".tree.lock"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(TAR) - 1), value=st.integers(0, 255))
def test_whatever_byte_is_changed_a_tar_is_unpacked_or_refused(tmp_path_factory, place, value):
    folder = tmp_path_factory.mktemp("flipped")
    path = harmed(folder / "a.tar", TAR[:place] + bytes([value]) + TAR[place + 1 :])
    with contextlib.suppress(UserError):
        found, refused = unpacked(path, folder / "tree")
        assert len(found) + len(refused) == 3 or TAR[place] == value or place % 1536 < 512


def claims(name, kind, size):
    """The header of a tar entry that claims so many bytes."""
    made = info(name, kind)
    made.size = size
    return made.tobuf(tarfile.GNU_FORMAT)


ZEROS = bytes(80 * 10**6)
BOMBS = {
    "zeros.zip": lambda path: zipped(path, *((f"{number}", ZEROS[: 10**6]) for number in range(80))),
    "zeros.tar.gz": lambda path: path.write_bytes(gzip.compress(claims("huge", tarfile.REGTYPE, 2**40) + ZEROS)),
    "name.tar.gz": lambda path: path.write_bytes(gzip.compress(claims("x", tarfile.GNUTYPE_LONGNAME, 2**33) + ZEROS)),
    "pax.tar.gz": lambda path: path.write_bytes(gzip.compress(claims("x", tarfile.XHDTYPE, 2**33) + ZEROS)),
    "passed over.tar.gz": lambda path: path.write_bytes(gzip.compress(claims("../x", tarfile.REGTYPE, 2**40) + ZEROS)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_stops_at_the_bound(tmp_path, name):
    path = tmp_path / name
    BOMBS[name](path)
    assert path.stat().st_size < 400_000
    with pytest.raises(UserError, match=r"could fill the disk: .*; if you trust it, raise the limit"):
        built(path, tmp_path / "trees" / "tree").read()
    assert not (tmp_path / "trees" / "tree").exists()


def test_the_number_of_entries_and_of_bytes_is_bounded(tmp_path):
    path = zipped(tmp_path / "a.zip", *((f"{n}", b"12345") for n in range(5)))
    assert len(unpacked(path, tmp_path / "all", max_entries=5, max_bytes=25)[0]) == 5
    with pytest.raises(UserError, match=r"more than source\.max_entries 4 entries"):
        unpacked(path, tmp_path / "few", max_entries=4)
    with pytest.raises(UserError, match=r"unpacks to more than 24 bytes"):
        unpacked(path, tmp_path / "small", max_bytes=24)


def test_overlapping_entries_count_each_time(tmp_path):
    """Many entries over one compressed body, as in David Fifield's bomb: the bound counts what is written."""
    path = zipped(tmp_path / "a.zip", ("a", bytes(10**6)))
    data = path.read_bytes()
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    central = b"".join(data[start : start + 46] + b"%c" % (97 + n) for n in range(26))
    tail = data[end : end + 8] + struct.pack("<HHII", 26, 26, len(central), start) + data[end + 20 :]
    path.write_bytes(data[:start] + central + tail)
    found, refused = unpacked(path, tmp_path / "tree")
    assert (list(found), set(refused.values())) == (["a"], {"truncated"})  # the local header has another name


KILLED = """
import os, sys
sys.path.insert(0, "tests/datasets/sources")
from pathlib import Path
from pipeline.datasets.trees import archive_entries
from test_archive import built
original, written = archive_entries._Writer._write, []
def write(self, entry, file):
    original(self, entry, file)
    written.append(file)
    if len(written) == 3:
        os._exit(9)
archive_entries._Writer._write = write
built(Path(sys.argv[1]), Path(sys.argv[2])).read()
"""


def test_a_kill_while_unpacking_leaves_nothing_half(tmp_path, picture_folder):
    path, tree = pack(picture_folder, tmp_path / "pictures.zip"), tmp_path / "trees" / "tree"
    command = [sys.executable, "-c", KILLED, str(path), str(tree)]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": ""}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    assert not tree.exists()
    assert [one for one in tree.parent.iterdir() if one.suffix == ".tmp"]
    assert len(built(path, tree).read()) == 8
    assert sorted(one.name for one in tree.parent.iterdir()) == [".tree.lock", "tree"]


def test_somebodys_folder_is_never_replaced(tmp_path, picture_folder):
    path = pack(picture_folder, tmp_path / "pictures.zip")
    with pytest.raises(UserError, match=r"source\.tree '.*pictures' exists and was not made by this source"):
        built(path, picture_folder).read()
    assert len(list(picture_folder.rglob("*.png"))) == 8


def test_what_the_inner_source_says_names_the_archive(tmp_path):
    path = zipped(tmp_path / "a.zip", ("only/1.png", b"x"))
    with pytest.raises(UserError, match=r"in .*a\.zip, unpacked to .*tree: source\.path .* found only 'only'"):
        built(path, tmp_path / "tree").read()
    with pytest.raises(UserError, match=r"source\.path '.*gone' is not a file; set it to a \.zip or \.tar archive"):
        built(tmp_path / "gone", tmp_path / "tree").read()


def test_one_folder_around_everything_is_skipped(tmp_path):
    files = [(f"pets/{label}/{number}.png", b"x") for label in ("cat", "dog") for number in range(2)]
    path = zipped(tmp_path / "mac.zip", *files, ("__MACOSX/pets/._x", b"x"))
    expected = [["cat"]] * 2 + [["dog"]] * 2
    assert built(path, tmp_path / "tree").read()["labels"].tolist() == expected
    assert built(path, tmp_path / "tree", label_level=2).read()["labels"].tolist() == expected  # as written before


def test_one_folder_with_pictures_around_everything_is_said_with_the_way_out(tmp_path):
    files = [(f"pets/{label}/{number}.png", b"x") for label in ("cat", "dog") for number in range(2)]
    path = zipped(tmp_path / "a.zip", *files, ("pets/loose.png", b"x"))
    said = r"only 'pets', and below it \['cat', 'dog'\]; if these are the classes, .* source\.inner\.label_level=2"
    with pytest.raises(UserError, match=said):
        built(path, tmp_path / "tree").read()


def test_an_unreadable_record_unpacks_again(tmp_path, picture_folder):
    source = built(pack(picture_folder, tmp_path / "pictures.zip"), tmp_path / "tree")
    source.read()
    for text in ("", "{}", '{"stamp": 1, "refused": [1]}'):
        (tmp_path / "tree" / ".complete.json").write_text(text)
        assert len(source.read()) == 8


@pytest.mark.parametrize("parameter", ["max_bytes", "max_entries"])
def test_refused_choices(parameter):
    choices = {"name": "x", "path": "x", "tree": "x", "inner": object(), "watch": "x", "max_bytes": 1, "max_entries": 1}
    with pytest.raises(ValueError, match=f"{parameter} must be at least 1, got 0"):
        from_file(module.Archive, **{**choices, parameter: 0})


class Raw(zipfile.ZipInfo):
    """An entry whose name is these bytes, without the flag that says UTF-8."""

    def __init__(self, raw, extra=b""):
        super().__init__(f"{len(raw)}{raw.hex()}")
        self.raw, self.extra = raw, extra

    def _encodeFilenameFlags(self):
        return self.raw, self.flag_bits & ~0x800


def unicode_path(raw, name):
    """Info-ZIP's extra field."""
    field = b"\x01" + struct.pack("<I", zlib.crc32(raw)) + name.encode()
    return struct.pack("<HH", 0x7075, len(field)) + field


CATS, DOGS = "猫/图片1.jpg", "狗/图片2.jpg"


@pytest.mark.parametrize("code_page", ["gbk", "cp932", "big5"])
def test_names_of_another_code_page_are_refused_with_what_they_would_read(tmp_path, code_page):
    names = ["文/本.jpg", "日/月.jpg"]
    entries = [(Raw(name.encode(code_page)), b"x") for name in names]
    path = zipped(tmp_path / "a.zip", *entries, ("plain.jpg", b"y"))
    found, refused = unpacked(path, tmp_path / "tree")
    assert found == {"plain.jpg": b"y"}
    assert set(refused.values()) == {"bad_name"}
    (tmp_path / "other").mkdir()
    details = [item.refused.detail for item in unpack(path, tmp_path / "other", Bounds(10**9, 9))]
    assert all("set source.names to the code page that the archive was written in; it reads" in one for one in details)
    assert f"{code_page} '文/本.jpg'" in details[0]
    (tmp_path / "third").mkdir()
    assert unpack(path, tmp_path / "third", Bounds(10**9, 9), code_page) == []
    assert sorted(str(one.relative_to(tmp_path / "third")) for one in (tmp_path / "third").rglob("*.jpg")) == sorted(
        [*names, "plain.jpg"]
    )


def test_names_that_are_not_of_the_code_page_that_was_told(tmp_path):
    path = zipped(tmp_path / "a.zip", (Raw(b"a\xff\xff.jpg"), b"x"), (Raw("é.jpg".encode("gbk")), b"y"))
    (tmp_path / "tree").mkdir()
    (refused,) = unpack(path, tmp_path / "tree", Bounds(10**9, 9), "gbk")
    assert (refused.path, refused.refused.detail) == (
        "a\\xff\\xff.jpg",
        "entry: the name is not gbk, as source.names says",
    )


def test_names_in_utf_8_without_the_flag_and_once_more_in_unicode(tmp_path):
    mac = zipped(tmp_path / "mac.zip", (Raw(CATS.encode()), b"x"), (Raw(DOGS.encode()), b"y"))
    assert unpacked(mac, tmp_path / "one") == ({CATS: b"x", DOGS: b"y"}, {})
    raw = DOGS.encode("gbk")
    with_field = zipped(tmp_path / "a.zip", (Raw(raw, unicode_path(raw, DOGS)), b"x"))
    assert unpacked(with_field, tmp_path / "two") == ({DOGS: b"x"}, {})
    stale = zipped(tmp_path / "b.zip", (Raw(raw, unicode_path(b"renamed", DOGS)), b"x"))
    assert set(unpacked(stale, tmp_path / "three")[1].values()) == {"bad_name"}


@pytest.mark.parametrize(("system", "expected"), [(3, {"è/ͼƬ1.jpg": b"x"}), (0, {})])
def test_two_bytes_that_could_be_chinese_are_utf_8_only_from_a_unix(tmp_path, system, expected):
    entry = Raw(CATS.encode("gbk"))
    entry.create_system = system
    assert unpacked(zipped(tmp_path / "a.zip", (entry, b"x")), tmp_path / "tree")[0] == expected


def test_backslashes_part_folders_in_a_zip(tmp_path):
    path = zipped(tmp_path / "a.zip", (Raw(b"cat\\"), b""), (Raw(b"cat\\1.jpg"), b"x"))
    assert unpacked(path, tmp_path / "tree") == ({"cat/1.jpg": b"x"}, {})


def test_names_of_a_tar(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.GNU_FORMAT, encoding="gbk") as archive:
        archive.addfile(tarfile.TarInfo(DOGS), io.BytesIO())
    found, refused = unpacked(tmp_path / "a.tar", tmp_path / "one")
    assert (found, set(refused.values())) == ({}, {"bad_name"})
    (tmp_path / "two").mkdir()
    assert unpack(tmp_path / "a.tar", tmp_path / "two", Bounds(10**9, 9), "gbk") == []
    assert (tmp_path / "two" / DOGS).is_file()


def test_an_archive_without_one_readable_name_says_so(tmp_path):
    entries = [(Raw(f"{folder}/{one}.png".encode("gbk")), b"x") for folder in "猫狗" for one in "ab"]
    source = built(zipped(tmp_path / "a.zip", *entries), tmp_path / "tree")
    with pytest.raises(
        UserError, match=r"4 of its files were refused, the first is .*, bad_name: .*set source\.names to"
    ):
        source.read()


def test_a_code_page_that_nobody_knows(tmp_path):
    with pytest.raises(UserError, match=r"names must be null or a code page such as gbk or cp437, got 'klingon'"):
        config.build({**archive_node(tmp_path), "names": "klingon"}, "source")


def archive_node(folder):
    inner = {"_target_": "pipeline.datasets.sources.folder.Folder", "name": "x", "path": str(folder), "watch": "x"}
    choices = {"name": "x", "path": "a.zip", "tree": str(folder), "watch": "x", "max_bytes": 1, "max_entries": 1}
    return {"_target_": "pipeline.datasets.sources.archive.Archive", **choices, "inner": inner}


def test_a_chain_of_links_is_followed_once(tmp_path, monkeypatch):
    links = [(info(f"{number}.png", tarfile.SYMTYPE, f"{number + 1}.png"), b"") for number in range(1000)]
    path = tarred(tmp_path / "a.tar", *links, ("1000.png", b"x"))
    looked = []
    monkeypatch.setattr(Path, "is_file", lambda one, original=Path.is_file: looked.append(one) or original(one))
    folder = tmp_path / "tree"
    folder.mkdir()
    assert unpack(path, folder, Bounds(10**9, 9999)) == []
    assert len(looked) < 2 * 1001
    assert {one.read_bytes() for one in folder.iterdir()} == {b"x"}
    assert len(list(folder.iterdir())) == 1001


@pytest.mark.parametrize("number", [errno.EMLINK, errno.EPERM])
def test_a_file_that_can_have_no_more_names_is_copied(tmp_path, monkeypatch, number):
    made, real = [], os.link

    def link(source, file):
        made.append(source.name)
        if made.count(source.name) > 3:
            raise OSError(number, "no more")
        real(source, file)

    monkeypatch.setattr(os, "link", link)
    links = [(info(f"{one}.png", tarfile.LNKTYPE, "a.png"), b"") for one in range(10)]
    found, refused = unpacked(tarred(tmp_path / "a.tar", ("a.png", b"content"), *links), tmp_path / "tree")
    assert (set(found.values()), len(found), refused) == ({b"content"}, 11, {})
    assert {name: made.count(name) for name in made} == {"a.png": 4, "3.png": 4, "7.png": 2}


def test_copies_count_as_bytes(tmp_path, monkeypatch):
    def link(source, file):
        raise OSError(errno.EMLINK, "no more")

    monkeypatch.setattr(os, "link", link)
    path = tarred(tmp_path / "a.tar", ("a.png", bytes(600)), (info("b.png", tarfile.LNKTYPE, "a.png"), b""))
    with pytest.raises(UserError, match=r"it unpacks to more than 1000 bytes"):
        unpacked(path, tmp_path / "tree", max_bytes=1000)
