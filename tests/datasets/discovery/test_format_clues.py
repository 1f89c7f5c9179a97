"""What a format takes for its own, beyond the examples that tests/commands/test_init.py goes through."""

import gzip
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_examples import MAKERS

from pipeline.datasets.discovery.file_listing import list_files
from pipeline.datasets.discovery.format_clues import split_documents, starts_with, strings
from pipeline.datasets.sources.coco import Coco
from pipeline.datasets.sources.darwin import Darwin
from pipeline.datasets.sources.folder import Folder
from pipeline.datasets.sources.idx import Idx
from pipeline.datasets.sources.label_studio import LabelStudio
from pipeline.datasets.sources.table import Table
from pipeline.datasets.sources.voc import Voc

SOURCES = (Coco, Darwin, Folder, Idx, LabelStudio, Table, Voc)


def idx(path, *shape, data=b""):
    content = struct.pack(f">{len(shape) + 1}I", 0x800 | len(shape), *shape) + data
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def files(root, *names):
    for one in names:
        (root / one).parent.mkdir(parents=True, exist_ok=True)
        (root / one).write_text("x")
    return list_files(root)


def test_strings_of_json():
    data = b'{"file_name": "a\\u00e9.png", "x": {"file_name" : "b\\"c"}, "file_name": 3, "file_name": "\xff"'
    assert list(strings(data, "file_name")) == ["aé.png", 'b"c']
    assert "x" in list(strings(data))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50), st.booleans())
def test_any_string_is_found_again(text, ascii_only):
    assert list(strings(json.dumps({"key": text}, ensure_ascii=ascii_only).encode(), "key")) == [text]


def test_beginnings_of_json():
    assert starts_with(b'\xef\xbb\xbf \n{"a', b"{")
    assert not starts_with(b"[{", b"{")


@given(st.binary(max_size=300), st.sampled_from([".json", ".csv", ".jsonl", ".parquet", ".gz", "", ".xml", ".tsv"]))
def test_any_bytes_are_looked_at_without_a_fault(tmp_path_factory, data, ending):
    path = tmp_path_factory.mktemp("any") / f"file{ending}"
    path.write_bytes(data)
    for source in SOURCES:
        list(source.recognise(list_files(path), {}))


@pytest.mark.parametrize("names", [("/home/me/images/a b.JPG", "/home/me/images/c.jpg"), ("images\\a b.jpg", "c")])
def test_coco_paths_of_another_computer(tmp_path, names):
    files(tmp_path, "images/a b.jpg", "images/c.jpg")
    content = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
        "annotations": [{"image_id": 0, "category_id": 1}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(content))
    (way,) = Coco.recognise(list_files(tmp_path), {})
    assert way.notes == []
    table = Coco(name="x", watch="x", **way.choices).read()
    assert [path.removeprefix("images/") for path in table["path"]] == ["a b.jpg", "c.jpg"]
    assert table["labels"].tolist() == [["cat"], []]


def test_label_studio_finds_uploads_below_other_folders(tmp_path):
    known = MAKERS["label_studio"](tmp_path / "set")
    (way,) = LabelStudio.recognise(list_files(tmp_path / "set"), {})
    assert way.choices == known


def test_idx_files_are_paired_by_their_numbers(tmp_path):
    idx(tmp_path / "train-images-idx3-ubyte.gz", 3, 2, 2, data=b"x" * 12)
    idx(tmp_path / "t10k-images-idx3-ubyte", 2, 2, 2, data=b"x" * 8)
    idx(tmp_path / "train-labels-idx1-ubyte.gz", 3, data=b"abc")
    idx(tmp_path / "t10k-labels-idx1-ubyte", 2, data=b"ab")
    found = {way.choices["images"].rpartition("/")[2]: way for way in Idx.recognise(list_files(tmp_path), {})}
    assert found["train-images-idx3-ubyte.gz"].choices["labels"].endswith("/train-labels-idx1-ubyte.gz")
    assert found["t10k-images-idx3-ubyte"].choices["labels"].endswith("/t10k-labels-idx1-ubyte")
    (way,) = Idx.recognise(list_files(tmp_path / "t10k-images-idx3-ubyte"), {})
    assert way.layout == "IDX, 2 pictures in t10k-images-idx3-ubyte, labels in t10k-labels-idx1-ubyte"


def test_idx_pictures_without_labels(tmp_path):
    idx(tmp_path / "images", 3, 2, 2, data=b"x" * 12)
    (way,) = Idx.recognise(list_files(tmp_path), {})
    assert way.missing == "no IDX file with 3 labels is in the folder of images; put it there"


def test_voc_without_pictures(tmp_path):
    (way,) = Voc.recognise(files(tmp_path, "Annotations/a.xml", "README"), {})
    assert way.missing.startswith("the folder JPEGImages is not there")


@pytest.mark.parametrize(
    ("names", "layout", "below"),
    [
        (["cat/1.png", "dog/1.png", "README"], "a folder per class", ""),
        (["images/cat/1.png", "images/dog/1.png", "README"], "a folder per class", ""),
        (["Train/cat/1.png", "Train/dog/1.png", "TEST/cat/2.png"], "a folder per class, below TEST, Train", ""),
        (["unlabelled/1.png", "cat/1.png"], None, None),
        (["cat/1.png", "dog/1.png", "dog/a.txt", "dog/b.txt", "dog/c.txt"], None, None),
    ],
)
def test_folders(names, layout, below, tmp_path):
    found = [(way.layout, way.choices) for way in Folder.recognise(files(tmp_path, *names), {})]
    assert found == ([] if layout is None else [(layout, {"path": str(tmp_path / below)})])


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        (["instances_train.json", "instances_val.json"], [{"train": 0, "val": 1}]),
        (["a/instances_val2017.json", "a/instances_train2017.json"], [{"train": 1, "val": 0}]),
        (["train/_annotations.coco.json", "valid/_annotations.coco.json"], [{"train": 0, "val": 1}]),
        (
            ["a_train.json", "a_test.json", "b_train.json", "b_test.json"],
            [{"train": 0, "test": 1}, {"train": 2, "test": 3}],
        ),
        (["a_train.json", "b_val.json"], []),
        (["train_1.json", "train_2.json", "val.json"], []),
        (["train.json"], []),
        (["coco.json", "second.json"], []),
    ],
)
def test_documents_of_the_parts_of_a_split(documents, expected):
    found = list(split_documents(documents))
    assert found == [{split: documents[place] for split, place in one.items()} for one in expected]
