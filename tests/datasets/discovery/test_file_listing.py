"""What lies at a path, seen without opening more than edges."""

import os
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.discovery.file_listing import EDGE_BYTES, MAX_DOCUMENTS, FileListing, list_files, project_path


def place(*files, named=None):
    return FileListing(root=Path("/place"), files=files, named=named)


def tree(root, *files):
    for one in files:
        (root / one).parent.mkdir(parents=True, exist_ok=True)
        (root / one).write_text(one)
    return root


def test_files_are_sorted_and_hidden_ones_passed_over(tmp_path):
    found = list_files(tree(tmp_path, "b/2", "b/1", "a", ".hidden/x", "b/.x"))
    assert found.files == ("a", "b/1", "b/2")
    assert found.folders == {"b": 2}
    assert found.named is None


def test_lonely_folders_are_entered(tmp_path):
    found = list_files(tree(tmp_path, "one/two/a/x", "one/two/b/y"))
    assert (found.root, found.files) == (tmp_path / "one/two", ("a/x", "b/y"))


def test_one_file_and_the_folder_around_it(tmp_path):
    found = list_files(tree(tmp_path, "a.csv", "b.csv") / "b.csv")
    assert (found.root, found.named, found.files) == (tmp_path, "b.csv", ("a.csv", "b.csv"))
    assert found.documents(".csv".__eq__) == ["b.csv"]


def test_links_pipes_and_loops(tmp_path):
    tree(tmp_path, "a/x", "b")
    (tmp_path / "a/loop").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "dead").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert list_files(tmp_path).files == ("a/x", "b", "link")


def test_too_many_files(tmp_path):
    tree(tmp_path, "a", "b", "c")
    assert len(list_files(tmp_path, max_files=3).files) == 3
    with pytest.raises(UserError, match=r"holds more than 2 files; name a smaller folder$"):
        list_files(tmp_path, max_files=2)


def test_a_null_byte_in_the_path(tmp_path):
    with pytest.raises(UserError, match=r"embedded null byte|does not exist"):
        list_files(tmp_path / "a\0b")


def test_documents_are_few_and_near_the_top():
    many = place(*(f"x/{number:04}.json" for number in range(500)), "x/y/deep.json", "top.json")
    assert many.documents(".json".__eq__)[0] == "top.json"
    assert len(many.documents(".json".__eq__)) == MAX_DOCUMENTS
    assert "x/y/deep.json" not in many.documents(".json".__eq__)


def test_edges(tmp_path):
    (tmp_path / "small").write_bytes(b"abc")
    middle = b"a" * EDGE_BYTES + b"b" * (EDGE_BYTES // 2)
    (tmp_path / "middle").write_bytes(middle)
    (tmp_path / "large").write_bytes(b"a" * EDGE_BYTES + b"-" * 10 + b"z" * EDGE_BYTES)
    found = list_files(tmp_path)
    assert found.head_and_tail("small") == b"abc"
    assert found.head_and_tail("middle") == middle
    assert found.head_and_tail("large") == b"a" * EDGE_BYTES + b"z" * EDGE_BYTES
    assert found.head_and_tail("absent") == found.head("absent") == b""
    assert found.head("large", 5) == b"aaaaa"


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        (["0.png"], "images/cat"),
        (["cat/0.png", "./dog/1.png"], "images"),
        (["dog\\1.png"], "images"),
        (["images/cat/0.png"], ""),
        (["t/0.png", "9.png"], None),
        ([], None),
    ],
)
def test_the_folder_that_paths_are_relative_to(paths, folder):
    assert place("images/cat/0.png", "images/dog/1.png").common_parent(paths) == folder


def test_inside_the_project_paths_stay_relative(project):
    assert project_path(Path("data/../x")) == Path("x")
    assert project_path(project / "data") == Path("data")
    assert project_path(Path("../x")) == project.parent / "x"
