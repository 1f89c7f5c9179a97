"""COCO's annotations become one set of labels for each picture."""

import json
from dataclasses import replace

import pytest
from file_options import from_file

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.datasets.sources.coco import Coco

CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 7, "name": "dog", "supercategory": "pet"}]


@pytest.fixture
def source(tmp_path):
    """The file of the given content, beside pictures a.jpg and sub/b c.jpg."""
    (tmp_path / "sub").mkdir()
    for path in ("a.jpg", "sub/b c.jpg"):
        (tmp_path / path).write_bytes(path.encode())

    def build(content):
        (tmp_path / "coco.json").write_text(json.dumps(content), encoding="utf-8-sig")
        return Coco(name="c", path=str(tmp_path / "coco.json"), pictures=str(tmp_path), watch=str(tmp_path))

    return build


def coco(images, annotations, categories=CATEGORIES):
    return {
        "info": {"year": 2026},
        "images": [{"id": key, "file_name": path, **more} for key, path, more in images],
        "annotations": [
            {"id": n, "image_id": i, "category_id": c, **more} for n, (i, c, more) in enumerate(annotations)
        ],
        "categories": categories,
    }


BOTH = [(3, "a.jpg", {}), ("x", "sub/b c.jpg", {})]


def test_labels_are_the_set_of_categories(source):
    annotations = [(3, 7, {"bbox": [0, 0, 1, 1]}), (3, 1, {"iscrowd": 1}), (3, 7, {}), ("x", 1, {"ignore": 1})]
    one = source(coco(BOTH, annotations))
    table = one.read()
    assert table["path"].tolist() == ["a.jpg", "sub/b c.jpg"]
    assert table["labels"].tolist() == [["cat", "dog"], []]
    assert list(table) == ["path", "labels", "group"]  # what is ignored is there: no negative
    assert one.open("sub/b c.jpg") == b"sub/b c.jpg"


def test_what_an_image_tells_becomes_attributes(source):
    images = [
        (3, "a.jpg", {"width": 4, "license": 2, "coco_url": "http://x", "attributes": {"night": True}, "odd": [1]}),
        (4, "sub/b c.jpg", {"height": 4, "attributes": {"night": False}}),
    ]
    table = source(coco(images, [(3, 1, {})])).read()
    assert [name for name in table if name.startswith("attr_")] == ["attr_license", "attr_night"]
    assert table["attr_night"].tolist() == [True, False]
    assert table["attr_license"].tolist()[0] == 2


def test_what_leads_nowhere_is_told(source, tmp_path):
    (tmp_path / "left.png").touch()
    images = [(1, "../up.jpg", {}), (2, "./a.jpg", {}), (3, "gone.jpg", {})]
    table = source(coco(images, [(2, 99, {}), (5, 1, {}), (5, 7, {}), (3, 1, {})])).read()
    assert table[["path", "refused"]].to_numpy().tolist() == [
        ["../up.jpg", "outside"],
        ["a.jpg", "bad_annotation"],
        ["gone.jpg", None],
        ["image_id 5", "missing"],
        ["left.png", "no_row"],
        ["sub/b c.jpg", "no_row"],
    ]
    assert table["detail"].iloc[1] == "annotations[0] has the category_id 99, which categories lacks"
    assert table["detail"].iloc[3] == "annotations[1] refers to it, but images lacks it"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], r"coco\.json: expected an object, found \[\]"),
        ({"images": []}, r"coco\.json: annotations: expected a list, found null"),
        (coco([], []), r"coco\.json: images is empty; expected one entry for each picture"),
        (coco(BOTH[:1] * 2, []), r"images\[1\] has the id 3 of an entry before it; export the file again"),
        (coco([(None, "a.jpg", {})], []), r"images\[0\] has no id; export"),
        (coco([(1, 5, {})], []), r"image 1, file_name: expected a text, found 5"),
        (coco(BOTH, [], [{"id": 1}]), r"the name of category 1: expected a text, found null"),
        (coco(BOTH, [], ["cat"]), r"categories\[0\]: expected an object, found \"cat\""),
    ],
)
def test_what_is_wrong_with_the_file(source, content, message):
    with pytest.raises(UserError, match=message):
        source(content).read()


def test_missing_places(source, tmp_path):
    with pytest.raises(UserError, match=r"source\.pictures 'gone' is not a folder; expected the folder that file_name"):
        Coco(name="c", path="gone", pictures="gone", watch="x").read()
    with pytest.raises(UserError, match=r"source\.path 'gone' is not a file"):
        Coco(name="c", path="gone", pictures=str(tmp_path), watch="x").read()


def test_a_picture_with_nothing_annotated_is_a_negative_where_the_file_annotates_any(source):
    one = source(coco(BOTH, [(3, 7, {})]))
    table = one.read()
    assert table[["labels", "negative"]].to_numpy().tolist() == [[["dog"], False], [[], True]]
    assert "negative" not in source(coco(BOTH, [])).read()  # as the files of a test set without annotations
    source(coco(BOTH, [(3, 7, {})]))
    table = replace(one, empty="own_label").read()
    assert table["labels"].tolist() == [["dog"], ["nothing"]]
    assert "negative" not in replace(one, empty="unlabelled").read()
    with pytest.raises(UserError, match=r"empty must be 'negative', 'unlabelled' or 'own_label', got 'none'"):
        config.build({**config.to_node(one), "empty": "none"}, "source")


def parts(tmp_path, folders, shared=()):
    """A document and a picture for each part, as `Coco` is told of them."""
    told = {}
    for number, (split, folder) in enumerate(folders.items()):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        names = [f"{number}.jpg", *shared]
        for name in names:
            (tmp_path / folder / name).write_bytes(name.encode())
        images = [(key, name, {}) for key, name in enumerate(names)]
        told[split] = str(tmp_path / f"instances_{split}.json")
        (tmp_path / f"instances_{split}.json").write_text(json.dumps(coco(images, [(0, 1 + 6 * (number % 2), {})])))
    return told


def test_a_document_for_each_part_is_the_given_split(tmp_path):
    path = parts(tmp_path, {"train": "images", "val": "images"})
    one = Coco(name="c", path=path, pictures=str(tmp_path / "images"), watch=str(tmp_path))
    assert one.read()[["path", "labels", "given_split"]].to_numpy().tolist() == [
        ["0.jpg", ["cat"], "train"],
        ["1.jpg", ["dog"], "val"],
    ]


def test_a_folder_for_each_part_may_use_the_same_names(tmp_path):
    path = parts(tmp_path, {"train": "t", "test": "deep/e"}, shared=["same.jpg"])
    (tmp_path / "t/left.jpg").touch()
    pictures = {"train": str(tmp_path / "t"), "test": str(tmp_path / "deep/e")}
    one = Coco(name="c", path=path, pictures=pictures, watch=str(tmp_path))
    table = one.read()
    assert table[["path", "labels", "given_split", "refused"]].to_numpy().tolist() == [
        ["t/0.jpg", ["cat"], "train", None],
        ["t/same.jpg", [], "train", None],
        ["t/left.jpg", [], None, "no_row"],
        ["deep/e/1.jpg", ["dog"], "test", None],
        ["deep/e/same.jpg", [], "test", None],
    ]
    assert one.open("deep/e/1.jpg") == b"1.jpg"
    assert one.stat("t/same.jpg") is not None


def test_a_picture_of_two_parts_is_refused(tmp_path):
    path = parts(tmp_path, {"train": "images", "val": "images"}, shared=["same.jpg"])
    table = Coco(name="c", path=path, pictures=str(tmp_path / "images"), watch="x").read()
    assert table.loc[table["refused"].notna(), ["path", "refused"]].to_numpy().tolist() == [
        ["same.jpg", "bad_annotation"]
    ]
    assert table["detail"].dropna().tolist() == ["its rows give it more than one split: 'train' and 'val'"]


@pytest.mark.parametrize(
    ("path", "pictures", "message"),
    [
        ({"train": "a", "other": "b"}, "p", r"path must name its files by train, val, test, got \['other', 'train'\]"),
        ({}, "p", "path must name its files by"),
        ("a", {"train": "p"}, r"pictures must name a folder for each file of path, got \['train'\]"),
        ({"train": "a"}, {"val": "p"}, "pictures must name a folder for each file"),
    ],
)
def test_parts_that_do_not_fit(path, pictures, message):
    with pytest.raises(ValueError, match=message):
        from_file(Coco, name="c", path=path, pictures=pictures, watch="x")
