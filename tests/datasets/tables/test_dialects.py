"""How the text of a table is written is found in it, the same at its beginning and in the whole."""

import codecs
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.tables.dialects import Head, decode, decode_start, is_encoding
from pipeline.datasets.tables.records import Form, first_records, read_records

ROWS = [("a.jpg", "caté", "0,5"), ("b.jpg", "dog", "1,5"), ("c.jpg", "caté", "2,5")]


def text(separator, header=("image", "label", "size")):
    rows = [header, *ROWS] if header else ROWS
    return "".join(separator.join(row) + "\r\n" for row in rows)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("header", [True, False])
def test_every_way_to_write_a_table_reads_the_same(tmp_path, separator, encoding, header):
    path = tmp_path / "a.csv"
    written = text(separator) if header else text(separator, header=None)
    path.write_bytes(written.encode(encoding))
    records = read_records(path, Form())
    names = ["image", "label", "size"] if header else ["column_1", "column_2", "column_3"]
    assert records.columns == names
    assert [tuple(row.values()) for row in records.rows] == ROWS
    data = path.read_bytes()[:-1]
    start = first_records(path, data, len(data), Form())
    assert (start.columns, start.rows) == (names, records.rows[:2])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("image,label\na.jpg,x;y\nb.jpg,x;y\n", ","),
        ("a.jpg;x;0,5\nb.jpg;y;1,5\n", ";"),
        ("id;label;x\n1;a;0,5\n2;b;1,5\n", ";"),
        ("image label\na.jpg x\n", ","),
        ("", ","),
        ('"a;b', ","),
    ],
)
def test_what_parts_the_fields(content, expected):
    assert Head(content).delimiter(",") == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("image,label\na.jpg,x\n", True),
        ("a.jpg,x\nb.jpg,y\n", False),
        ("a.jpg,x\n", False),
        ("id,breed\n7a,pug\n7b,pug\n", True),
        ("7a,pug\n7b,pug\n", False),
        ("1,3\n2,3\n", False),
        ("0,1\na.jpg,x\n", True),
        ("image,0,1\na.jpg,0,1\nb.jpg,1,0\n", True),
        ("id,0,1\n7a,0,1\n7b,1,0\n", True),
        ("id,label\n1,a\nid,label\n2,b\n", True),
        (",pug\n7b,pug\n", False),
        ("", True),
    ],
)
def test_whether_the_first_line_names_the_columns(content, expected):
    assert Head(content).header(",") is expected


def test_what_a_person_says_goes_first(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("a.jpg;é\nb.jpg;y\n".encode("cp1252"))
    with pytest.raises(UserError, match=r"line 1 is not UTF-8 .*, or set source.encoding, for example to cp1252"):
        read_records(path, Form())
    records = read_records(path, Form(encoding="cp1252", header=True, delimiter=";"))
    assert (records.columns, records.rows) == (["a.jpg", "é"], [{"a.jpg": "b.jpg", "é": "y"}])
    assert read_records(path, Form(encoding="cp1252", delimiter=",", header=False)).columns == ["column_1"]


def test_another_encoding_than_told():
    with pytest.raises(UserError, match=r"x is not utf-16 \(.*\); set source.encoding, or save it as UTF-8"):
        decode(b"a", Path("x"), "utf-16")
    assert decode_start("ab\ncd".encode("utf-16")[:-1], Path("x")) == "ab\n"


@pytest.mark.parametrize(("name", "known"), [("cp1252", True), ("utf-16", True), ("rot13", False), ("x", False)])
def test_encodings(name, known):
    assert is_encoding(name) is known
    assert codecs.lookup("cp1252").name == "cp1252"
