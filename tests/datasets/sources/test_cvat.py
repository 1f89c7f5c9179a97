"""Tags are labels, shapes where there is no tag; subsets give the split, and XML that is unsafe is never expanded."""

from dataclasses import replace

import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.discovery.file_listing import list_files
from pipeline.datasets.sources import cvat
from pipeline.datasets.sources.cvat import Cvat

TAGS = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><labels><label><name>cat</name></label></labels></task></meta>
<image id="0" name="a/1.png" subset="Train" width="2" height="2"><tag label="cat" source="manual">
<attribute name="coat">grey &amp; white</attribute></tag><tag label="dog"/><box label="nose" xtl="0"/></image>
<image id="1" name="2.png" subset="Validation"><tag label="no_label"/></image>
<image id="2" name="3.png" subset="Test"></image>
</annotations>"""
SHAPES = """<annotations><image id="0" name="2.png">
<box label="cat"/><mask label="cat"/><polygon label="dog"/></image></annotations>"""
BOMB = '<!DOCTYPE a [<!ENTITY b "x">]><annotations><image name="&b;"/></annotations>'


@pytest.fixture
def source(tmp_path):
    """A file of this text beside pictures."""

    def build(text, *pictures):
        for one in pictures:
            (tmp_path / one).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / one).write_bytes(one.encode())
        (tmp_path / "annotations.xml").write_text(text, encoding="utf-8")
        return Cvat(name="c", path=str(tmp_path / "annotations.xml"), pictures=str(tmp_path), watch=str(tmp_path))

    return build


def test_tags_attributes_and_subsets(source):
    one = source(TAGS, "a/1.png", "2.png", "3.png", "left.png")
    table = one.read()
    assert table[["path", "labels", "given_split", "refused"]].to_numpy().tolist() == [
        ["a/1.png", ["cat", "dog"], "train", None],
        ["2.png", [], "val", None],
        ["3.png", [], "test", None],
        ["left.png", [], None, "no_row"],
    ]
    assert table["negative"].tolist() == [False, False, True, False]
    assert table["attr_cat_coat"].tolist()[0] == "grey & white"
    assert one.open("a/1.png") == b"a/1.png"
    assert replace(one, empty="own_label").read()["labels"].tolist()[:3] == [["cat", "dog"], [], ["nothing"]]


def test_shapes_count_where_there_is_no_tag(source):
    assert source(SHAPES, "2.png").read()["labels"].tolist() == [["cat", "dog"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "is unsafe XML: it declares a document type or entities"),
        ("<annotations><image", "is not valid XML"),
        ("<annotations/>", "holds no image; export it as CVAT for images"),
        ('<annotations><image id="7"/></annotations>', "image '7' has no name"),
        ('<annotations><image name="x"><tag/></image></annotations>', "a tag of image 'x' has no label"),
    ],
)
def test_what_is_no_export_ends_in_one_line(source, text, message):
    with pytest.raises(UserError, match=message):
        source(text).read()


def test_the_size_is_bounded(source, monkeypatch):
    monkeypatch.setattr(cvat, "MAX_XML_BYTES", 10)
    with pytest.raises(UserError, match=r"has \d+ bytes, at most 10 are read"):
        source(SHAPES).read()


def test_a_file_that_is_gone(source, tmp_path):
    one = source(SHAPES)
    (tmp_path / "annotations.xml").unlink()
    with pytest.raises(UserError, match="cannot be read: No such file"):
        one.read()


def test_it_is_recognised(source, tmp_path):
    source(TAGS, "images/a/1.png", "images/2.png", "images/3.png")
    (way,) = Cvat.recognise(list_files(tmp_path), {})
    assert way.layout == "CVAT XML, annotations.xml"
    assert way.choices == {"path": str(tmp_path / "annotations.xml"), "pictures": str(tmp_path / "images")}
