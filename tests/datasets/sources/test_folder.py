"""A folder of pictures names every file below its classes, and says what is wrong with the folder."""

import os

import pytest
from file_options import from_file

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.discovery.file_listing import list_files
from pipeline.datasets.sources.folder import Folder


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


def test_links_to_a_folder_around_them_are_not_followed(picture_folder):
    (picture_folder / "cat" / "up").symlink_to(picture_folder, target_is_directory=True)
    assert len(source(picture_folder).read()) == 8


def test_names_with_spaces_and_accents(picture_folder):
    (picture_folder / "cat" / "été 1.png").write_bytes(b"x")
    assert "cat/été 1.png" in source(picture_folder).read()["path"].tolist()


def test_opening_stays_inside(picture_folder):
    with pytest.raises(ItemRejected, match="outside"):
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


def told(root, **choices):
    """Path to label and split."""
    table = from_file(Folder, name="pictures", path=str(root), watch=str(root), **choices).read()
    splits = table["given_split"] if "given_split" in table else [None] * len(table)
    return {
        path: ("".join(labels), split)
        for path, labels, split in zip(table["path"], table["labels"], splits, strict=True)
    }


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Training", "Testing"),
        ("training_set", "test_set"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("images/train", "images/test"),
        ("train/images", "test/images"),
        ("TRAIN/Train", "TEST"),
        ("data/set/train set", "data/set/holdout"),
    ],
)
def test_splits_in_many_spellings_and_doubled(tmp_path, train, test):
    make(tmp_path, *(f"{part}/{name}/1.png" for part in (train, test) for name in ("cat", "dog")))
    assert told(tmp_path) == {
        f"{part}/{name}/1.png": (name, split)
        for part, split in ((train, "train"), (test, "test"))
        for name in ("cat", "dog")
    }


def test_what_is_only_to_be_predicted_has_no_label_and_no_split(tmp_path):
    make(tmp_path, "seg_train/cat/1.png", "seg_train/dog/1.png", "seg_test/cat/1.png", "seg_pred/seg_pred/1.png")
    make(tmp_path, "unlabelled/2.png", "seg_pred/readme.txt", "labels/1.txt")
    found = told(tmp_path)
    assert found["seg_pred/seg_pred/1.png"] == found["unlabelled/2.png"] == ("", None)
    assert found["seg_test/cat/1.png"] == ("cat", "test")
    assert len(found) == 5


def test_splits_within_the_classes(tmp_path):
    make(tmp_path, *(f"{name}/{part}/1.png" for part in ("train", "val", "test") for name in ("cat", "dog")))
    assert told(tmp_path) == {
        f"{name}/{part}/1.png": (name, part) for part in ("train", "val", "test") for name in ("cat", "dog")
    }
    assert told(tmp_path, label_level=2, split_folders=False)["cat/val/1.png"] == ("val", None)


def test_no_split_within_the_classes_where_one_has_pictures_of_its_own(tmp_path):
    make(tmp_path, "cat/train/1.png", "cat/test/1.png", "dog/1.png")
    assert told(tmp_path)["cat/train/1.png"] == ("cat", None)


def test_the_level_of_the_label_counts_below_the_splits(tmp_path):
    make(tmp_path, "train/north/cat/1.png", "train/south/dog/1.png", "test/north/dog/1.png", "test/south/2.png")
    found = told(tmp_path, label_level=2)
    assert found["train/south/dog/1.png"] == ("dog", "train")
    assert found["test/south/2.png"] == ("", "test")
    assert told(tmp_path)["train/south/dog/1.png"] == ("south", "train")
    with pytest.raises(ValueError, match="label_level must be at least 1, got 0"):
        told(tmp_path, label_level=0)


@pytest.mark.parametrize("name", ["no_label", "Unlabeled", "unlabelled"])
def test_names_for_no_label_are_no_class(tmp_path, name):
    make(tmp_path, "cat/1.png", "dog/1.png", f"{name}/1.png")
    assert told(tmp_path)[f"{name}/1.png"] == ("", None)


def test_what_tools_leave_is_no_item(tmp_path):
    make(
        tmp_path, "cat/1.png", "dog/1.png", "cat/Thumbs.db", "dog/desktop.ini", "cat/@eaDir/1.png/T.png", "@eaDir/1.png"
    )
    make(tmp_path, "__MACOSX/cat/1.png", "lost+found/1.png", "dog/.ipynb_checkpoints/1.png")
    assert sorted(told(tmp_path)) == ["cat/1.png", "dog/1.png"]


def test_linked_classes_and_pictures(tmp_path):
    make(tmp_path / "disk", "cats/1.png", "dog.png")
    (tmp_path / "disk/cats/1.png").write_bytes(b"cat")
    (tmp_path / "set/dog").mkdir(parents=True)
    (tmp_path / "set/cat").symlink_to(tmp_path / "disk/cats")
    (tmp_path / "set/dog/1.png").symlink_to(tmp_path / "disk/dog.png")
    assert sorted(told(tmp_path / "set")) == ["cat/1.png", "dog/1.png"]
    assert source(tmp_path / "set").open("cat/1.png") == b"cat"


def test_pictures_of_a_phone_are_items_whether_they_can_be_read_or_not(tmp_path):
    make(tmp_path, "train/cat/1.heic", "train/dog/2.HEIC", "test/cat/3.avif", "4.heic")
    assert told(tmp_path)["train/dog/2.HEIC"] == ("dog", "train")
    assert told(tmp_path)["4.heic"] == ("", None)
    (way,) = Folder.recognise(list_files(tmp_path), {})
    assert way.layout == "a folder per class, below test, train"


def test_one_folder_around_all_others_is_skipped(tmp_path):
    """As most zips have it; the only part of a split is no such folder."""
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        (tmp_path / "pets" / name / "1.png").write_bytes(b"x")
    (tmp_path / "README.md").write_text("x")
    assert source(tmp_path).read()["labels"].str[0].tolist() == ["cat", "dog"]
    (tmp_path / "pets").rename(tmp_path / "train")
    table = source(tmp_path).read()
    assert table["labels"].str[0].tolist() == ["cat", "dog"]
    assert set(table["given_split"]) == {"train"}
