"""Links are followed, loops are not; what tools leave beside pictures is counted and no file of anybody's."""

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import UserError
from pipeline.datasets.discovery import file_walk
from pipeline.datasets.discovery.file_walk import is_of_tool, is_passed_over, listed_once, walk


def tree(root, *files):
    for one in files:
        (root / one).parent.mkdir(parents=True, exist_ok=True)
        (root / one).touch()
    return root


def test_files_come_before_folders_and_both_in_order(tmp_path):
    found = walk(tree(tmp_path, "b/z/2", "b/1", "a/3", "top", ".hidden/x", "b/.x"))
    assert found.files == ["top", "a/3", "b/1", "b/z/2"]
    assert found.folders == ["a", "b", "b/z"]
    assert (found.odd, found.linked, found.loops, found.unlisted, found.empty) == (set(), [], [], [], [])


def test_linked_folders_are_entered_wherever_they_lead(tmp_path):
    tree(tmp_path / "disk", "cats/1", "cats/deep/2")
    root = tree(tmp_path / "root", "dog/3")
    (root / "cat").symlink_to(tmp_path / "disk/cats")
    found = walk(root)
    assert (found.files, found.linked) == (["cat/1", "cat/deep/2", "dog/3"], ["cat"])


def test_a_folder_that_two_links_lead_to_stands_there_twice(tmp_path):
    tree(tmp_path / "disk", "1")
    for name in ("train", "all"):
        (tmp_path / "root" / name).mkdir(parents=True)
        (tmp_path / "root" / name / "cat").symlink_to(tmp_path / "disk")
    assert walk(tmp_path / "root").files == ["all/cat/1", "train/cat/1"]


@pytest.mark.parametrize("target", ["root", "root/a", "root/a/b", ".", "/"])
def test_no_link_leads_to_a_folder_around_it(tmp_path, target):
    root = tree(tmp_path / "root", "a/b/1")
    (root / "a/b/loop").symlink_to(tmp_path / target)
    found = walk(root)
    assert (found.files, found.loops) == (["a/b/1"], ["a/b/loop"])


def test_links_that_lead_to_each_other_end(tmp_path):
    tree(tmp_path, "one/1", "two/2", "root/x")
    (tmp_path / "one/two").symlink_to(tmp_path / "two")
    (tmp_path / "two/one").symlink_to(tmp_path / "one")
    (tmp_path / "root/one").symlink_to(tmp_path / "one")
    found = walk(tmp_path / "root")
    assert found.files == ["x", "one/1", "one/two/2"]
    assert found.loops == ["one/two/one"]


def test_crossed_links_are_bounded(tmp_path, monkeypatch):
    """Two links from each folder to the next: 2^n ways to the last."""
    monkeypatch.setattr(file_walk, "MAX_LINKED", 50)
    tree(tmp_path / "f8", "1")
    for number in range(8):
        (tmp_path / f"f{number}").mkdir()
        for name in "ab":
            (tmp_path / f"f{number}" / name).symlink_to(tmp_path / f"f{number + 1}")
    with pytest.raises(UserError, match=r"links lead to more than 50 folders, the last is 'a/.*; name a folder whose"):
        walk(tmp_path / "f0")


def test_what_is_no_file_is_named_and_told(tmp_path):
    tree(tmp_path, "1")
    (tmp_path / "dead").symlink_to("nowhere")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "link").symlink_to("1")
    os.mkfifo(tmp_path / "pipe")
    found = walk(tmp_path)
    assert found.files == ["1", "dead", "link", "pipe", "self", "zero"]
    assert found.ordinary == ["1", "link"]


def test_what_tools_leave_is_counted(tmp_path):
    names = ["cat/Thumbs.db", "dog/thumbs.db", "cat/@eaDir/1.jpg/T.jpg", "__MACOSX/cat/._1.jpg", "lost+found/x"]
    names += ["cat/.ipynb_checkpoints/1.jpg", "$RECYCLE.BIN/1.jpg", "System Volume Information/x", "cat/1.jpg"]
    found = walk(tree(tmp_path, *names, "desktop.ini", ".DS_Store", ".other"))
    assert found.files == ["cat/1.jpg"]
    assert sum(found.of_tools.values()) == 10
    assert found.of_tools["Thumbs.db"] == found.of_tools["@eaDir"] == 1
    assert found.folders == ["cat", "dog"]
    assert found.empty == ["dog"]


def test_empty_folders_and_closed_ones(tmp_path, monkeypatch):
    tree(tmp_path, "a/1", "b/c/d/.hidden", "e/f/2", "closed/3")
    scandir = os.scandir

    def refusing(folder):
        if str(folder).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr("pipeline.datasets.discovery.file_walk.os.scandir", refusing)
    found = walk(tmp_path)
    assert (found.empty, found.unlisted) == (["b", "b/c", "b/c/d"], ["closed"])
    with pytest.raises(PermissionError):
        walk(tmp_path / "closed")


def test_too_many_files(tmp_path):
    tree(tmp_path, "a", "b", "c")
    assert len(walk(tmp_path, max_files=3).files) == 3
    with pytest.raises(UserError, match=r"holds more than 2 files; name a smaller folder$"):
        walk(tmp_path, max_files=2)


def test_names_of_tools():
    assert all(map(is_of_tool, ("Thumbs.db", "THUMBS.DB", "@eaDir", "__MACOSX", "desktop.ini", "$RECYCLE.BIN")))
    assert not any(map(is_of_tool, ("thumbs", "eaDir", "recycle.bin", "lost", "cat")))
    assert [is_passed_over(one) for one in ("a/@eaDir/1.jpg", "a/.b/c", "a/b.c/d")] == [True, True, False]


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), max_size=12))
def test_as_os_walk_lists_where_there_is_no_link(tmp_path_factory, paths):
    root = tmp_path_factory.mktemp("walk")
    for path in paths:
        (root / "/".join(path)).mkdir(parents=True, exist_ok=True)
        (root / "/".join(path) / "1").touch()
    expected = [
        os.path.relpath(os.path.join(here, name), root)  # noqa: PTH118
        for here, folders, names in os.walk(root)
        for name in (folders.sort() or sorted(names))
    ]
    assert walk(root).files == expected


def listed(monkeypatch):
    """The folders that are read from the disk from now on."""
    seen = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (seen.append(str(path)), scan(path))[1])
    return seen


def test_no_folder_is_listed_twice(tmp_path, monkeypatch):
    for name in ("a/b/1.png", "a/c/2.png", "a/Thumbs.db", "d/3.png", "e/4.png"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).touch()
    (tmp_path / "set/a/nothing.png").symlink_to("/nowhere")
    (tmp_path / "set/a/around").symlink_to(tmp_path / "set")
    (tmp_path / "set/link").symlink_to(tmp_path / "set/d")
    plain = {name: walk(tmp_path / "set" / name) for name in ("", "a", "a/b", "link", "d")}
    seen = listed(monkeypatch)
    with listed_once():
        assert walk(tmp_path / "set") == plain[""]
        number = len(seen)
        for name in ("", "a", "a/b", "d"):
            found = walk(tmp_path / "set" / name)
            assert replace(found, of_tools=plain[name].of_tools) == plain[name]
        assert len(seen) == number
        assert walk(tmp_path / "set/link") == plain["link"]  # which a listing of its own tells
        assert len(seen) > number
        with pytest.raises(UserError, match="holds more than 2 files"):
            walk(tmp_path / "set", max_files=2)
    number = len(seen)
    (tmp_path / "set/new.png").touch()
    assert "new.png" in walk(tmp_path / "set").files
    assert len(seen) > number


def test_what_could_not_be_listed_is_tried_again(tmp_path, monkeypatch):
    (tmp_path / "set/shut").mkdir(parents=True)
    scan, shut = os.scandir, [True]

    def refusing(path):
        if shut and str(path).endswith("shut"):
            raise PermissionError(13, "denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    errors = []
    with listed_once():
        assert walk(tmp_path / "set").unlisted == ["shut"]
        walk(tmp_path / "set", unlisted=errors.append)
        assert [error.errno for error in errors] == [13]
        shut.clear()
        assert walk(tmp_path / "set").unlisted == []
