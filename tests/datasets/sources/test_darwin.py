"""Tags become labels, properties and sub-annotations attributes; one damaged file costs one item."""

import json
from dataclasses import replace

import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.sources.darwin import Darwin


def item(name="a.jpg", path="/", *annotations, **more):
    slots = [{"type": "image", "slot_name": "0", "source_files": [{"file_name": name}]}]
    return {"version": "2.0", "item": {"name": name, "path": path, "slots": slots}, "annotations": annotations, **more}


def tag(name, **more):
    return {"id": "1", "name": name, "tag": {}, **more}


def prop(name, value):
    return {"frame_index": 0, "name": name, "value": value}


@pytest.fixture
def source(tmp_path):
    """JSON files of the given contents and pictures in another folder."""

    def build(documents, pictures=()):
        for folder, files in (("json", documents), ("images", dict.fromkeys(pictures, "png"))):
            (tmp_path / folder).mkdir()
            for name, content in files.items():
                path = tmp_path / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content if isinstance(content, str) else json.dumps(content))
        return Darwin(name="d", path=str(tmp_path / "json"), pictures=str(tmp_path / "images"), watch=str(tmp_path))

    return build


def test_tags_are_labels_and_paths_have_folders_and_spaces(source):
    box = {"name": "car", "bounding_box": {"h": 1, "w": 1, "x": 0, "y": 0}, "properties": [prop("colour", "red")]}
    documents = {
        "1.json": item("a 1.jpg", "/dir one/two", tag("day"), box, tag("rain"), tag("day")),
        "2.json": item("b.jpg", "/", box),
        ".v7/metadata.json": {"classes": []},
    }
    one = source(documents, ["dir one/two/a 1.jpg", "b.jpg", "left.jpg"])
    table = one.read()
    assert table[["path", "labels", "refused"]].to_numpy().tolist() == [
        ["dir one/two/a 1.jpg", ["day", "rain"], None],
        ["b.jpg", [], None],
        ["left.jpg", [], "no_row"],
    ]
    assert not [name for name in table if name.startswith("attr_")]
    assert one.open("dir one/two/a 1.jpg") == b"png"


def test_properties_and_sub_annotations_become_attributes(source):
    told = tag(
        "day",
        properties=[prop("sky", "blue"), prop("sky", "grey"), prop("sun", None)],
        attributes=["bright"],
        text={"text": "a\nnote"},
    )
    properties = [{"name": "site", "value": "N"}, {"name": "multi", "value": "1"}, {"name": "multi", "value": "2"}]
    table = source({"1.json": item("a.jpg", "/", told, properties=properties), "2.json": item("b.jpg")}).read()
    attributes = table.filter(like="attr_").iloc[0].to_dict()
    assert attributes == {
        "attr_day_attributes": "bright",
        "attr_day_sky": "blue; grey",
        "attr_day_text": "a\nnote",
        "attr_multi": "1; 2",
        "attr_site": "N",
    }
    assert table.filter(like="attr_").iloc[1].isna().all()


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ('{"version"', r"x\.json: not valid JSON at line 1 column 11"),
        ([], r"x\.json: expected an object, found \[\]"),
        ({"image": {"filename": "a.jpg"}, "annotations": []}, r"no Darwin 2\.0 item: version None"),
        ({**item(), "version": "1.0"}, r"no Darwin 2\.0 item: version '1\.0'"),
        (
            {**item(), "item": {"name": "v.mp4", "slots": [{"type": "video"}]}},
            r"expected one slot of type image, found \['video'\]",
        ),
        ({**item(), "item": {"slots": []}}, r"item\.name: expected a text, found null"),
        (item("a.jpg", "/", "tag"), r"annotations: expected an object, found \"tag\""),
        (item("a.jpg", "/", tag(None)), r"annotations: the name of a tag: expected a text"),
        (
            item("a.jpg", "/", tag("x", properties=[{"value": 1}])),
            r"the properties of tag 'x': a name: expected a text",
        ),
    ],
)
def test_a_damaged_file_is_one_refused_item(source, content, detail):
    table = source({"x.json": content, "y.json": item()}).read()
    assert table["path"].tolist() == ["x.json", "a.jpg"]
    assert table["refused"].tolist() == ["bad_annotation", None]
    assert table["detail"].str.match(detail).iloc[0]


def test_a_document_whose_name_no_table_can_hold(source):
    table = source({"\udcff\n.json": "{"}).read()
    assert table["path"].tolist() == ["\\udcff\n.json"]
    assert table["detail"].str.match(r"\\udcff \.json: not valid JSON at line 1 column 2").all()


def test_a_path_that_climbs_out(source):
    assert source({"x.json": item("x.jpg", "/../..")}).read()["refused"].tolist() == ["outside"]


def test_missing_places(source, tmp_path):
    with pytest.raises(UserError, match=r"source\.path 'gone' is not a folder; expected the folder of Darwin JSON"):
        Darwin(name="d", path="gone", pictures=str(tmp_path), watch="x").read()
    with pytest.raises(
        UserError, match=r"source\.pictures 'gone' is not a folder; expected the folder that the path of an item"
    ):
        Darwin(name="d", path=str(tmp_path), pictures="gone", watch="x").read()
    with pytest.raises(UserError, match=r"source\.path '.*json' holds no JSON file; expected one for each picture"):
        source({}).read()


def test_an_item_without_tag_is_a_negative_only_where_a_person_says_so(source):
    one = source({"1.json": item("a.jpg", "/", tag("day")), "2.json": item("b.jpg")}, ["a.jpg", "b.jpg"])
    assert "negative" not in one.read()
    assert replace(one, empty="negative").read()["negative"].tolist() == [False, True]
