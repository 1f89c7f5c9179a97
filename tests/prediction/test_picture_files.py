"""Which files names stand for."""

import os

import pytest

from pipeline.core.errors import ItemRejected, UserError
from pipeline.prediction.picture_files import list_pictures, read_file

NEW = [
    "scans/new/0.png",
    "scans/new/0b.jpg",
    "scans/new/2.png",
    "scans/new/4.png",
    "scans/new/6.png",
    "scans/new/8.png",
]
OLD = [f"scans/old/{name}.png" for name in (1, 3, 5, 7, 9, "empty", "half")]


def test_a_folder_without_hidden_files_files_of_tools_and_tables(scans):
    found = list_pictures(["scans"])
    assert list(found.paths) == [*NEW, *OLD]
    assert found.left_out == ("scans/labels.csv",)


def test_the_order_is_that_of_the_names_and_each_file_comes_once(scans):
    found = list_pictures(["scans/old/9.png", "scans/labels.csv", "scans/./old", "scans/new/"])
    assert list(found.paths) == ["scans/old/9.png", "scans/labels.csv", *(one for one in OLD if "9" not in one), *NEW]
    assert found.left_out == ()  # named, so taken


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("scans/old/?.png", OLD[:5]), ("scans/n*", NEW), ("scans/**/[08].png", ["scans/new/0.png", "scans/new/8.png"])],
)
def test_a_pattern(scans, pattern, expected):
    assert list(list_pictures([pattern]).paths) == expected


def test_a_name_that_looks_like_a_pattern(project):
    (project / "a[1].png").touch()
    assert list_pictures(["a[1].png"]).paths == ("a[1].png",)


def test_a_picture_without_suffix_in_a_folder_of_a_home(project, monkeypatch):
    monkeypatch.setenv("HOME", str(project))
    (project / "in").mkdir()
    (project / "in/0a1b").touch()
    assert list_pictures(["~/in"]).paths == (str(project / "in/0a1b"),)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("scnas", r"^'scnas' does not exist; did you mean 'scans'\?$"),
        ("scans/new/Ob.jpg", r"^'scans/new/Ob.jpg' does not exist; did you mean 'scans/new/0b.jpg'\?$"),
        ("nowhere/x", r"^'nowhere/x' does not exist; name a picture, a folder or a pattern$"),
        ("scans/*.bmp", r"^'scans/\*.bmp': no file matches this pattern; check it, or name the folder$"),
        ("tables", r"^'tables': no picture in there \(1 other files\); name a folder that holds pictures$"),
    ],
)
def test_what_is_not_there(scans, name, message):
    (scans.parent / "tables").mkdir()
    (scans.parent / "tables/a.csv").touch()
    with pytest.raises(UserError, match=message):
        list_pictures([name])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list everything")
def test_a_folder_that_cannot_be_listed(scans):
    (scans / "old").chmod(0)
    try:
        with pytest.raises(UserError, match=r"^'scans/old' cannot be listed: Permission denied; correct its"):
            list_pictures(["scans"])
    finally:
        (scans / "old").chmod(0o700)


@pytest.mark.parametrize(("name", "reason"), [("gone.png", "missing"), ("pipe", "unreadable")])
def test_what_cannot_be_read(project, name, reason):
    os.mkfifo(project / "pipe")
    with pytest.raises(ItemRejected, match=f"^{reason}: "):
        read_file(name)
