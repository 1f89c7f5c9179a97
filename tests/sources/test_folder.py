"""A folder of pictures names every file below its classes, and says what is wrong with the folder."""

import os

import pytest

from pipeline.core.errors import Refused, UserError
from pipeline.sources.folder import Folder


def source(path):
    return Folder(name="pictures", path=str(path), watch=str(path))


def test_every_file_is_a_sample_of_its_class(tmp_path):
    for path in ("dog/b.png", "dog/a.txt", "cat/z/deep/1.png", "cat/2.png", "cat/.hidden", ".git/x", "loose.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(path.encode())
    (tmp_path / "cat" / ".trash").mkdir()
    (tmp_path / "cat" / ".trash" / "x.png").touch()
    (tmp_path / "empty").mkdir()
    table = source(tmp_path).read()
    assert table["path"].tolist() == ["loose.png", "cat/2.png", "cat/z/deep/1.png", "dog/a.txt", "dog/b.png"]
    assert table["labels"].tolist() == [[], ["cat"], ["cat"], ["dog"], ["dog"]]
    assert list(table) == ["path", "labels", "group"]
    assert table["group"].isna().all()
    assert source(tmp_path).open("cat/z/deep/1.png") == b"cat/z/deep/1.png"


def test_links_to_folders_inside_a_class_are_not_followed(picture_folder):
    (picture_folder / "cat" / "up").symlink_to(picture_folder, target_is_directory=True)
    assert len(source(picture_folder).read()) == 8


def test_names_with_spaces_and_accents(picture_folder):
    (picture_folder / "cat" / "été 1.png").write_bytes(b"x")
    assert "cat/été 1.png" in source(picture_folder).read()["path"].tolist()


def test_opening_stays_inside(picture_folder):
    with pytest.raises(Refused, match="outside"):
        source(picture_folder).open("../secret")


def test_a_missing_folder(tmp_path):
    with pytest.raises(UserError, match=r"source\.path '.*gone' is not a folder; expected one sub-folder"):
        source(tmp_path / "gone").read()


@pytest.mark.parametrize(("classes", "found"), [([], "none"), (["cat"], "only 'cat'"), (["cat", ".dog"], "only 'cat'")])
def test_fewer_than_two_classes(tmp_path, classes, found):
    for name in classes:
        (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=rf"must hold at least two sub-folders, one per class; found {found}"):
        source(tmp_path).read()


def test_no_file_at_all(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=r"holds no file below its sub-folders \['cat', 'dog'\]"):
        source(tmp_path).read()


def test_a_name_that_no_table_can_hold_is_refused(picture_folder):
    (picture_folder / "cat" / "\udcff.png").touch()  # the byte 0xff
    table = source(picture_folder).read()
    refused = table[table["refused"].notna()]
    assert refused[["path", "refused", "detail"]].to_numpy().tolist() == [
        ["cat/\\udcff.png", "bad_name", "the name is not UTF-8; rename the file"]
    ]


def test_pictures_without_a_label(picture_folder):
    (picture_folder / "unlabelled" / "deep").mkdir(parents=True)
    for path in ("unlabelled/deep/1.png", "loose.JPG", "README.txt", ".hidden.png"):
        (picture_folder / path).touch()
    table = source(picture_folder).read()
    assert table.loc[table["labels"].map(len) == 0, "path"].tolist() == ["loose.JPG", "unlabelled/deep/1.png"]
    assert len(table) == 10


def make(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
def test_split_folders_give_the_split(tmp_path, val):
    make(tmp_path, "train/cat/1.png", "train/cat/deep/2.png", "train/dog/1.png", f"{val}/dog/1.png", "test/3.png")
    table = source(tmp_path).read().sort_values("path", ignore_index=True)
    assert table[["path", "given_split"]].to_numpy().tolist() == sorted(
        [
            ["train/cat/1.png", "train"],
            ["train/cat/deep/2.png", "train"],
            ["train/dog/1.png", "train"],
            [f"{val}/dog/1.png", "val"],
            ["test/3.png", "test"],
        ]
    )
    labels = dict(zip(table["path"], table["labels"], strict=True))
    assert labels["train/cat/deep/2.png"] == ["cat"]
    assert labels["test/3.png"] == []


def test_a_class_that_is_called_test_is_one_where_others_are_not_splits(tmp_path):
    make(tmp_path, "test/1.png", "train/1.png", "car/1.png")
    table = source(tmp_path).read()
    assert table["labels"].tolist() == [["car"], ["test"], ["train"]]
    assert "given_split" not in table


def test_split_folders_with_one_class(tmp_path):
    make(tmp_path, "train/cat/1.png", "test/cat/1.png")
    message = r"at least two sub-folders, one per class; found only 'cat' below its split folders \['test', 'train'\]"
    with pytest.raises(UserError, match=message):
        source(tmp_path).read()


def test_a_folder_that_cannot_be_listed_is_not_passed_over(picture_folder, monkeypatch):
    def scandir(path, real=os.scandir):
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(UserError, match=r"the source's folder '.*dog' cannot be listed: Permission denied"):
        source(picture_folder).read()
