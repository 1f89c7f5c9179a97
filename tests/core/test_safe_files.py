"""A source reads inside its folder, ordinary files, of bounded size."""

import os

import pytest

from pipeline.core import safe_files
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.safe_files import package_folder, read_bytes, read_sample, stat_file, stat_sample
from pipeline.core.sample_codec import FileSet
from pipeline.images.decoding import REJECTION_REASONS


@pytest.fixture
def root(tmp_path):
    """A folder with one good file, several traps, and a secret beside it."""
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "good").write_bytes(b"123")
    (root / "folder/inner").write_bytes(b"123")
    (tmp_path / "disk/deep").mkdir(parents=True)
    (tmp_path / "disk/deep/far").write_bytes(b"far")
    (root / "disk").symlink_to(tmp_path / "disk")
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "inward").symlink_to("good")
    (root / "outward").symlink_to("../secret")
    (root / "way").symlink_to(tmp_path)
    (root / "dangling").symlink_to("nowhere")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    return root


@pytest.mark.parametrize("path", ["good", "inward", "folder/inner"])
def test_files_inside_are_read(root, path):
    assert read_bytes(root, path) == b"123"


def test_links_out_of_the_root_are_followed_but_not_to_a_folder_around_it(root, tmp_path):
    assert read_bytes(root, "outward") == b"secret"
    assert read_bytes(root, "disk/deep/far") == b"far"
    (tmp_path / "disk/back").symlink_to(root)
    with pytest.raises(ItemRejected, match=r"outside: the path leaves"):
        read_bytes(root, "disk/back/good")


def test_a_link_to_a_device_is_refused(root):
    (root / "endless").symlink_to("/dev/zero")
    with pytest.raises(ItemRejected, match="not an ordinary file"):
        read_bytes(root, "endless")
    assert stat_file(root, "endless") is None


def test_the_stamp_of_a_link_is_that_of_its_file(root, tmp_path):
    assert stat_file(root, "outward") == stat_file(tmp_path, "secret")
    assert stat_file(root, "dangling") is stat_file(root, "way/secret") is stat_file(root, "pipe") is None


def test_the_root_itself_may_be_a_link(root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    assert read_bytes(tmp_path / "link", "good") == b"123"


@pytest.mark.parametrize(
    ("path", "reason", "detail"),
    [
        ("../secret", "outside", "leaves the source's folder"),
        ("folder/../../secret", "outside", "leaves the source's folder"),
        ("/etc/hostname", "outside", "leaves the source's folder"),
        ("folder/../good", "outside", "leaves the source's folder"),
        ("", "outside", "leaves the source's folder"),
        ("folder/..", "outside", "leaves the source's folder"),
        ("way/secret", "outside", "leaves the source's folder"),
        ("gone", "missing", "no such file"),
        ("way/disk/deep/far", "outside", "leaves the source's folder"),
        ("disk/gone", "missing", "no such file"),
        ("dangling", "missing", "a link to nothing"),
        ("folder", "unreadable", "not an ordinary file"),
        ("pipe", "unreadable", "not an ordinary file"),
        ("good/deeper", "unreadable", "Not a directory"),
        ("loop", "unreadable", "[Ss]ymlink loop|levels of symbolic links"),
        ("x" * 300, "unreadable", "name too long"),
        ("null\0byte", "unreadable", "null byte"),
    ],
)
def test_anything_else_is_refused(root, path, reason, detail):
    with pytest.raises(ItemRejected, match=detail) as caught:
        read_bytes(root, path)
    assert caught.value.reason == reason
    assert reason in REJECTION_REASONS


def test_the_size_is_bounded(root, monkeypatch):
    monkeypatch.setattr(safe_files, "MAX_FILE_BYTES", 3)
    assert read_bytes(root, "good") == b"123"
    monkeypatch.setattr(safe_files, "MAX_FILE_BYTES", 2)
    with pytest.raises(ItemRejected, match=r"too_large: 3 bytes, at most 2 are read"):
        read_bytes(root, "good")


def test_package_folder_is_found_without_importing(tmp_path, monkeypatch):
    (tmp_path / "pictures_package").mkdir()
    (tmp_path / "pictures_package" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert package_folder("pictures_package", "x") == tmp_path / "pictures_package"


@pytest.mark.parametrize("package", ["not_installed_anywhere", "math"])
def test_a_package_without_a_folder(package):
    with pytest.raises(UserError, match=rf"package {package} is not installed; make repro installs it"):
        package_folder(package, "elpv")


def test_a_folder_is_read_as_its_files_in_the_order_of_their_names(root):
    (root / "folder/.hidden").write_bytes(b"no")
    (root / "folder/deeper").mkdir()
    (root / "folder/deeper/far").write_bytes(b"no")
    (root / "folder/a").write_bytes(b"4567")
    found = read_sample(root, "folder")
    assert found == FileSet(files=(("a", b"4567"), ("inner", b"123")))
    assert found.nbytes == 7
    assert read_sample(root, "good") == b"123"
    assert stat_sample(root, "good") == stat_file(root, "good")


def test_the_stamp_of_a_folder_changes_with_its_files(root):
    before = stat_sample(root, "folder")
    assert before == stat_sample(root, "folder")
    (root / "folder/inner").rename(root / "folder/other")
    renamed = stat_sample(root, "folder")
    (root / "folder/more").write_bytes(b"")
    assert len({before, renamed, stat_sample(root, "folder")}) == 3
    (root / "pipe").rename(root / "folder/pipe")  # what is no file has no part in it
    assert [name for name, _ in read_sample(root, "folder").files] == ["more", "other"]


def test_a_name_that_is_too_long_is_refused(root):
    name = f"{'a' * 300}.png"
    with pytest.raises(ItemRejected, match="unreadable: File name too long"):
        read_sample(root, name)
    assert stat_sample(root, name) is None


def test_a_folder_leads_nowhere_else_and_is_bounded(root, monkeypatch):
    for path in ("..", "folder/.."):
        with pytest.raises(ItemRejected, match=r"outside: the path leaves"):
            read_sample(root, path)
    with pytest.raises(ItemRejected, match=r"unreadable: not an ordinary file"):
        read_sample(root, "way")
    monkeypatch.setattr(safe_files, "MAX_FILE_BYTES", 2)
    with pytest.raises(ItemRejected, match="too_large: a folder of more than 2 bytes or 20000 files"):
        read_sample(root, "folder")
    monkeypatch.setattr(safe_files, "MAX_FOLDER_FILES", 0)
    with pytest.raises(ItemRejected, match="too_large: a folder of more than 2 bytes or 0 files"):
        read_sample(root, "folder")
