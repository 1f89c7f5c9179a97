"""Names lead to the files they mean, to none that they do not mean, and doubt is refused with both names."""

import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import ItemRejected
from pipeline.datasets.discovery.name_resolution import Resolver, suffix

NFC, NFD = (unicodedata.normalize(form, "café/bär.jpg") for form in ("NFC", "NFD"))


def found(files, names, root="/data/pictures"):
    """What each name means: a file, a reason, or None."""
    meant = Resolver(files, Path(root)).find_all(names)
    return [one.reason if isinstance(one := meant.get(name), ItemRejected) else one for name in names]


@pytest.mark.parametrize(
    ("files", "name", "expected"),
    [
        (["a.jpg"], "./a.jpg", "a.jpg"),
        (["a.jpg"], "x/../a.jpg", "a.jpg"),
        (["cats/1.jpg"], "cats\\1.jpg", "cats/1.jpg"),
        (["cats\\1.jpg", "cats/1.jpg"], "cats\\1.jpg", "cats\\1.jpg"),
        (["cats/1.jpg"], "cats%5C1.jpg", "cats/1.jpg"),
        (["a b.jpg"], "a%20b.jpg", "a b.jpg"),
        (["a%20b.jpg", "a b.jpg"], "a%20b.jpg", "a%20b.jpg"),
        ([NFC], NFD, NFC),
        ([NFD], NFC, NFD),
        ([NFC, NFD], NFC, NFC),
        (["A.JPG"], "a.jpg", "A.JPG"),
        (["a.HEIC"], "a", "a.HEIC"),
        (["a.png", "a.npy", "a.cr2"], "a", "a.png"),  # made of it, or what it was made from
        (["a.dcm"], "A.DCM", "a.dcm"),
        (["A.JPG", "a.jpg"], "a.jpg", "a.jpg"),
        (["A.JPG", "a.jpg"], "a.Jpg", "ambiguous"),
        (["a.jpeg"], "a.jpg", "a.jpeg"),
        (["a.png"], "a.jpg", None),
        (["a.jpg"], "a", "a.jpg"),
        (["v1.2.jpg"], "v1.2", "v1.2.jpg"),
        (["a.jpg", "a.txt", "a.csv"], "a", "a.jpg"),
        (["a.jpg", "masks/a.png"], "a", "a.jpg"),
        (["x/a.jpg", "masks/a.png"], "a", "ambiguous"),
        (["part_1/a.jpg", "part_2/b.jpg"], "b", "part_2/b.jpg"),
        (["part_1/a.jpg", "part_2/a.jpg"], "a.jpg", "ambiguous"),
        (["part_1/a.jpg", "a.jpg"], "a.jpg", "a.jpg"),
        (["part_1/xa.jpg"], "a.jpg", None),
        (["7.jpg"], "7.0", "7.jpg"),
        (["007.jpg"], "7", "007.jpg"),
        (["7.jpg"], "007", "7.jpg"),
        (["007.jpg", "7.jpg"], "7", "7.jpg"),
        (["007.jpg", "0007.jpg"], "7", "ambiguous"),
        (["000.jpg"], "0", "000.jpg"),
        (["70.jpg"], "7", None),
        (["cats/1.jpg"], "C:\\Users\\me\\cats\\1.jpg", "cats/1.jpg"),
        (["cats/1.jpg", "dogs/1.jpg"], "/home/me/dogs/1.jpg", "dogs/1.jpg"),
        (["all/cats/1.jpg"], "/home/me/cats/1.jpg", "all/cats/1.jpg"),
        (["all/1.jpg"], "/home/me/1.jpg", None),
        (["1.jpg"], "https://host/bucket/1.jpg?token=3", "1.jpg"),
        (["a b.jpg"], "s3://bucket/x/a%20b.jpg", "a b.jpg"),
        (["images/1.jpg"], "../images/1.jpg", "images/1.jpg"),
        (["images/1.jpg"], "../../etc/passwd", None),
        (["cats/1.jpg"], "/data/pictures/cats/1.jpg", "cats/1.jpg"),
        (["1.jpg"], "train/1.jpg", "1.jpg"),
        (["dogs/1.jpg"], "cats/1.jpg", None),
        (["1.jpg"], "", None),
        (["1.jpg"], ".", None),
        (["1.jpg"], "1.jpg\0", None),
    ],
)
def test_what_a_name_means(files, name, expected):
    assert found(files, [name]) == [expected]


def test_a_folder_of_one_split_holds_no_picture_of_another():
    assert found(["1.jpg"], ["train/1.jpg"], root="/data/test") == [None]
    assert found(["1.jpg"], ["train/1.jpg"], root="/data/train") == ["1.jpg"]


def test_a_missing_picture_is_not_taken_from_another_folder():
    names = ["/home/me/cats/1.jpg", "/home/me/dogs/2.jpg"]
    assert found(["dogs/1.jpg", "dogs/2.jpg"], names) == [None, "dogs/2.jpg"]


def test_of_two_names_that_lead_to_one_file_the_exact_one_has_it():
    assert found(["1.jpg"], ["1.jpg", "cats/1.jpg"]) == ["1.jpg", "ambiguous"]
    assert found(["1.jpg"], ["dogs/1.jpg", "cats/1.jpg"]) == ["ambiguous", "ambiguous"]
    assert found(["7.jpg"], ["7", "007"]) == ["7.jpg", "ambiguous"]
    assert found(["a.jpg"], ["a", "A.JPG", "./a.jpg"]) == ["a.jpg"] * 3


def test_absolute_names_through_links_and_the_home_folder(tmp_path, monkeypatch):
    (tmp_path / "real/cat").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("HOME", str(tmp_path / "link"))
    files = ["cat/1.png", "dog/1.png"]
    names = [f"{tmp_path}/link/cat/1.png", "~/dog/1.png", "/else/where/1.png", f"{tmp_path}/link/../real/../1.png"]
    assert found(files, names, tmp_path / "real") == ["cat/1.png", "dog/1.png", None, None]


def test_an_absolute_name_is_never_read_from_the_current_folder(tmp_path, monkeypatch):
    """`/1.jpg` is at the top of the disk; a zero byte is no path at all."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    files = ["work/1.jpg", "other/1.jpg"]
    assert found(files, ["/1.jpg", "/a\0b/1.jpg"], tmp_path) == ["ambiguous", None]


def test_a_refusal_says_both_names():
    files, names = ["x/a.jpg", "y/a.png"], ["a"]
    refused = Resolver(files, Path("/r")).find_all(names)["a"]
    assert refused.detail.startswith("'a' may mean 'x/a.jpg' or 'y/a.png'; give more of the path, or set")
    rivals = Resolver(["1.jpg"], Path("/r")).find_all(["c/1.jpg", "d/1.jpg"])
    assert rivals["c/1.jpg"].detail == "'c/1.jpg' may mean '1.jpg', and so may 'd/1.jpg'"


PART = st.text("ab.7\\/é%", max_size=4)


@given(st.lists(PART, max_size=5), st.lists(st.text(max_size=8) | PART, max_size=5))
def test_only_files_that_are_there_are_found_and_exact_names_find_themselves(files, names):
    files = [one for one in files if one and one == str(Path(one)) and not one.startswith("/") and ".." not in one]
    meant = Resolver(files, Path("/r")).find_all([*names, *files])
    assert all(meant[file] == file for file in files)
    assert {one for one in meant.values() if isinstance(one, str)} <= set(files)


def test_many_names_of_one_ending_are_not_compared_with_each_other():
    files = [f"{number:06d}/image.jpg" for number in range(20_000)]
    names = [f"/elsewhere/{file}" for file in files]
    started = time.process_time()
    assert found(files, names) == files
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("path", "expected"), [("a.JPG", ".jpg"), ("a/b.c/d", ""), (".hidden", ""), ("a.", ""), ("a.tar.gz", ".gz")]
)
def test_endings(path, expected):
    assert suffix(path) == expected
