"""Objects become labels, lists become splits, and XML that is unsafe is never expanded."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.discovery.file_listing import list_files
from pipeline.datasets.sources import voc
from pipeline.datasets.sources.voc import Voc

BOMB = (
    '<!DOCTYPE a [<!ENTITY b "'
    + "x" * 50
    + '">'
    + "".join(f'<!ENTITY b{n} "{("&b" + str(n - 1) + ";" if n else "&b;") * 10}">' for n in range(9))
    + "]><annotation><object><name>&b8;</name></object></annotation>"
)
OUTSIDE = (
    '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><annotation><object><name>&b;</name></object></annotation>'
)


def xml(*names, filename=None):
    objects = "".join(f"<object><name>{name}</name><part><name>head</name></part></object>" for name in names)
    told = f"<filename>{filename}</filename>" if filename else ""
    return f"<annotation>{told}{objects}</annotation>"


@pytest.fixture
def make(tmp_path):
    """A VOC folder of annotations, pictures and lists."""

    def build(annotations, pictures=(), **lists):
        for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (tmp_path / folder).mkdir(parents=True)
        for stem, text in annotations.items():
            (tmp_path / "Annotations" / f"{stem}.xml").write_bytes(text if isinstance(text, bytes) else text.encode())
        for name in pictures:
            (tmp_path / "JPEGImages" / name).write_bytes(name.encode())
        for name, stems in lists.items():
            (tmp_path / "ImageSets/Main" / f"{name}.txt").write_bytes("\r\n".join(stems).encode())
        return Voc(name="v", path=str(tmp_path), watch=str(tmp_path))

    return build


def test_labels_and_given_split(make):
    annotations = {"a": xml("dog", "cat", "dog"), "b 1": xml("cat"), "c": xml(), "d": xml("dog"), "e": xml("dog")}
    pictures = ["a.jpg", "b 1.JPG", "c.png", "d.jpg", "e.jpg", "f.jpg", "notes.txt"]
    source = make(
        annotations, pictures, train=["a", ""], val=["b 1"], trainval=["a", "b 1", "c"], test=["d"], cat_train=["e 1"]
    )
    table = source.read()
    assert table[["path", "labels", "given_split"]].to_numpy().tolist() == [
        ["JPEGImages/a.jpg", ["cat", "dog"], "train"],
        ["JPEGImages/b 1.JPG", ["cat"], "val"],
        ["JPEGImages/c.png", [], "train"],
        ["JPEGImages/d.jpg", ["dog"], "test"],
        ["JPEGImages/e.jpg", ["dog"], None],
        ["JPEGImages/f.jpg", [], None],
    ]
    assert source.open("JPEGImages/a.jpg") == b"a.jpg"
    assert "refused" not in table


def test_the_claimed_file_name_counts_where_no_picture_has_the_stem(make):
    annotations = {
        "a": xml("x", filename="b.jpg"),
        "c": xml("y", filename="d.jpg"),
        "e": xml("z", filename="../../f.jpg"),
    }
    table = make(annotations, ["a.jpg", "b.jpg", "d.jpg"], test=["gone"]).read()
    assert "given_split" in table
    assert table[["path", "labels"]].to_numpy().tolist() == [
        ["JPEGImages/a.jpg", ["x"]],
        ["JPEGImages/d.jpg", ["y"]],
        ["JPEGImages/../../f.jpg", ["z"]],
        ["JPEGImages/b.jpg", []],
        ["JPEGImages/gone.jpg", []],
    ]
    assert table["refused"].tolist() == [None, None, "outside", None, None]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (BOMB, r"unsafe XML: it declares a document type or entities"),
        (OUTSIDE, r"unsafe XML: it declares a document type or entities"),
        ("<annotation><object>", r"not valid XML \(no element found: line 1, column 20\)"),
        ("", r"not valid XML \(no element found: line 1, column 0\)"),
        ("<?xml version='1.0' encoding='klingon'?><annotation/>", r"not valid XML \(unknown encoding"),
        (xml("dog", " "), r"an object without a name"),
    ],
)
def test_bad_annotations_are_refused_one_by_one(make, text, detail):
    table = make({"a": text, "b": xml("dog")}, ["a.jpg", "b.jpg"]).read()
    assert table["refused"].tolist() == ["bad_annotation", None]
    assert table["path"].tolist() == ["JPEGImages/a.jpg", "JPEGImages/b.jpg"]
    assert table["detail"].str.match(rf"Annotations/a\.xml: {detail}").iloc[0]


def test_the_size_of_an_annotation_is_bounded(make, monkeypatch):
    monkeypatch.setattr(voc, "MAX_XML_BYTES", 10)
    table = make({"a": xml("dog")}).read()
    assert table["detail"].tolist() == ["Annotations/a.xml: 88 bytes, at most 10 are read"]


def test_an_annotation_that_is_a_link(make, tmp_path):
    source = make({"b": xml("dog")})
    (tmp_path / "elsewhere").write_text(xml("cat"))
    (tmp_path / "Annotations" / "a.xml").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "Annotations" / "c.xml").symlink_to("/dev/zero")
    table = source.read()
    assert table["labels"].tolist() == [["cat"], ["dog"], []]
    assert table["detail"].iloc[2] == "Annotations/c.xml: not an ordinary file"


@settings(max_examples=30)
@given(st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
def test_any_bytes_are_read_or_refused(data):
    try:
        labels, _ = voc._objects(data)
    except ItemRejected as refused:
        labels = [refused.reason]
    assert isinstance(labels, list)


@pytest.mark.parametrize("other", ["train", "val", "trainval"])
def test_a_picture_in_two_splits(make, other):
    with pytest.raises(UserError, match=rf"test\.txt: 'a' is in {other}\.txt too; remove it from one of them"):
        make({"a": xml("dog")}, **{other: ["a"], "test": ["a"]}).read()


def test_missing_places(make, tmp_path):
    with pytest.raises(UserError, match=r"source\.path '.*' has no folder Annotations; expected a Pascal VOC folder"):
        Voc(name="v", path=str(tmp_path), watch="x").read()
    with pytest.raises(UserError, match=r"holds neither annotations nor pictures"):
        make({}).read()


def test_an_annotation_without_object_is_a_negative_and_a_picture_without_annotation_is_none(make):
    one = make({"a": xml("dog"), "b": xml()}, ["a.jpg", "b.jpg", "c.jpg"])
    table = one.read()
    assert table["labels"].tolist() == [["dog"], [], []]
    assert table["negative"].tolist() == [False, True, False]
    assert replace(one, empty="own_label").read()["labels"].tolist() == [["dog"], ["nothing"], []]


def test_lists_of_classes_label_what_has_no_annotation(make):
    """0 stands for difficult objects alone; -1 in every list for none; what is not in every list is not known."""
    one = make(
        {"x": xml("dog")},
        ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "x.jpg"],
        cat_train=["a  1", "b -1", "c  0", "d -1", "x 1"],
        dog_train=["a  1", "b -1", "c -1", "x -1"],
        cat_val=["e -1"],
        dog_val=["e  1"],
        some_notes=["a b c"],
    )
    table = one.read().sort_values("path")
    assert table[["path", "labels", "negative", "given_split"]].to_numpy().tolist() == [
        ["JPEGImages/a.jpg", ["cat", "dog"], False, "train"],
        ["JPEGImages/b.jpg", [], True, "train"],
        ["JPEGImages/c.jpg", ["cat"], False, "train"],
        ["JPEGImages/d.jpg", [], False, "train"],
        ["JPEGImages/e.jpg", ["dog"], False, "val"],
        ["JPEGImages/x.jpg", ["dog"], False, "train"],
    ]


def test_lists_of_classes_alone_are_a_data_set(make, tmp_path):
    one = make({}, ["a.jpg", "b.jpg"], cat_trainval=["a 1", "b -1"], dog_trainval=["a -1", "b 1"], dog_val=["b 1"])
    (tmp_path / "Annotations").rmdir()
    table = one.read()
    assert table[["path", "labels", "given_split"]].to_numpy().tolist() == [
        ["JPEGImages/a.jpg", ["cat"], "train"],
        ["JPEGImages/b.jpg", ["dog"], "val"],
    ]
    (way,) = Voc.recognise(list_files(tmp_path), {})
    assert (way.layout, way.missing) == ("Pascal VOC, 2 classes and lists in ImageSets/Main", "")
