"""A row for each picture, in four formats; what is wrong with a row is said with its line."""

import csv
import io
import json
from unittest.mock import ANY

import pandas as pd
import pytest
from file_options import from_file
from hypothesis import given
from hypothesis import strategies as st
from ingest_examples import ingest
from PIL import Image

from pipeline.core.errors import UserError
from pipeline.datasets.discovery.survey import summarise_source
from pipeline.datasets.properties import by_column
from pipeline.datasets.sources.table import Table
from pipeline.datasets.tables.records import Form, read_records


@pytest.fixture
def source(tmp_path):
    """A table of the given text or bytes in a file of the given name, beside its pictures."""

    def build(content, name="labels.csv", files=(), **changes):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).touch()
        options = {
            "name": "pictures",
            "path": str(path),
            "watch": str(tmp_path),
            "pictures": str(tmp_path),
            "image_column": "image",
            "label_column": "label",
            "label_separator": None,
            "label_columns": None,
            "group_column": None,
            "split_column": None,
            "attribute_columns": [],
        }
        return from_file(Table, **{**options, **changes})

    return build


def rows(table, *columns):
    return table[list(columns)].to_numpy().tolist()


def test_labels_group_split_and_attributes(source):
    text = "image,label,patient,part,site,age\na.png,cat;dog,p1,train,N,3\nsub dir/b.png, dog ,p1,Valid,S,\n"
    text += "c.png,,,,N,4.5\n"
    table = source(
        text, label_separator=";", group_column="patient", split_column="part", attribute_columns="all others"
    ).read()
    assert rows(table, "path", "labels", "group", "given_split", "attr_site") == [
        ["a.png", ["cat", "dog"], "p1", "train", "N"],
        ["sub dir/b.png", ["dog"], "p1", "val", "S"],
        ["c.png", [], None, None, "N"],
    ]
    assert table["attr_age"].dtype == "float64"
    assert table["attr_age"].tolist()[::2] == [3.0, 4.5]


def test_texts_that_stand_for_no_label(source):
    text = "image,label\na.png,cat\nb.png,NA\nc.png,cat; NA\n"
    assert rows(source(text, label_separator=";").read(), "labels") == [[["cat"]], [["NA"]], [["NA", "cat"]]]
    assert rows(source(text, label_separator=";", missing=["NA"]).read(), "labels") == [[["cat"]], [[]], [["cat"]]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b'image,label\r\na.png,x\r\n\r\nb.png,"y,\r\nz"\r\n'),
        ("a.csv", b'\xef\xbb\xbfimage,label\na.png,x\nb.png,"y,\r\nz"\n'),
        ("a.TSV", b'image\tlabel\na.png\tx\nb.png\t"y,\r\nz"\n'),
        ("a.jsonl", b'{"image": "a.png", "label": "x"}\n\n{"label": ["y,\\r\\nz"], "image": "b.png", "more": 1}\r\n'),
        ("a.ndjson", b'\xef\xbb\xbf{"image": "a.png", "label": "x"}\n{"label": "y,\\r\\nz", "image": "b.png"}'),
        ("a.parquet", None),
    ],
)
def test_every_format_reads_the_same(source, name, content):
    if content is None:
        buffer = io.BytesIO()
        pd.DataFrame({"image": ["a.png", "b.png"], "label": ["x", "y,\r\nz"]}).to_parquet(buffer)
        content = buffer.getvalue()
    assert rows(source(content, name).read(), "path", "labels") == [["a.png", ["x"]], ["b.png", ["y,\r\nz"]]]


def test_one_column_per_class(source):
    text = "image,cat,dog,site\na,1,0,N\nb,TRUE,1.0,S\nc,,false,N\n"
    chosen = source(text, label_column=None, label_columns=["cat", "dog"], attribute_columns="all others").read()
    assert rows(chosen, "labels", "attr_site") == [[["cat"], "N"], [["cat", "dog"], "S"], [[], "N"]]
    others = source(text, label_column=None, label_columns="all others", attribute_columns=["site"]).read()
    pd.testing.assert_frame_equal(chosen, others)


@pytest.mark.parametrize(
    ("empty", "labels", "negative"),
    [("negative", [], True), ("unlabelled", [], False), ("own_label", ["nothing"], False)],
)
def test_a_row_of_zeros_is_an_answer_and_a_row_of_empty_cells_is_none(source, empty, labels, negative):
    text = "image,cat,dog\na,1,0\nb,0,0.0\nc,,\nd,0,\n"
    table = source(text, label_column=None, label_columns=["cat", "dog"], empty=empty).read()
    assert table["labels"].tolist() == [["cat"], labels, [], labels]
    assert ("negative" in table) is negative
    if negative:
        assert table["negative"].tolist() == [False, True, False, True]


def test_columns_that_tell_of_the_label_are_marked(source):
    text = "image,label,class_id,camera\na,x,1,N\nb,y,2,S\n"
    table = source(text, attribute_columns=["camera"], of_label_columns=["class_id"]).read()
    assert rows(table, "attr_camera", "attr_of_label_class_id") == [["N", 1.0], ["S", 2.0]]
    assert list(by_column(table)) == ["attr_camera"]
    others = source(text, attribute_columns="all others", of_label_columns=["class_id"]).read()
    pd.testing.assert_frame_equal(table, others)


@pytest.mark.parametrize(
    ("field", "separator", "expected"),
    [
        ("a b", " ", ["a", "b"]),
        ("a  b ", " ", ["a", "b"]),
        ("a/b", "/", ["a", "b"]),
        ("['a' 'b']", "[]", ["a", "b"]),
        ("a b", "[]", ["a b"]),
        ("[]", "[]", []),
        ("a;b", "", ["a;b"]),
    ],
)
def test_several_labels_in_one_field(source, field, separator, expected):
    assert source(f"image,label\np,{field}\n", label_separator=separator).read()["labels"].tolist() == [expected]


def test_lists_are_not_taken_for_classes(source):
    text = """image,label\na,"['x', 'y']"\nb,['x']\n"""
    message = r"the column 'label' of .* holds lists such as \"\['x', 'y'\]\"; set source.label_separator to '\[\]'"
    with pytest.raises(UserError, match=message):
        source(text).read()
    assert source(text, label_separator="").read()["labels"].tolist() == [["['x', 'y']"], ["['x']"]]


def test_decimal_commas_are_numbers(source):
    text = "image;label;size\na.jpg;x;0,5\nb.jpg;y;2\n"
    assert source(text, attribute_columns=["size"]).read()["attr_size"].tolist() == [0.5, 2.0]


def test_parquet_keeps_lists_truths_and_gaps(source):
    buffer = io.BytesIO()
    frame = {"image": ["a", "b"], "label": [["x", "y"], None], "cat": [True, False], "code": [7.0, None], "t": [1, 2]}
    pd.DataFrame(frame).to_parquet(buffer)
    table = source(buffer.getvalue(), "a.parquet", group_column="code", attribute_columns=["cat", "t"]).read()
    assert rows(table, "labels", "group", "attr_cat", "attr_t") == [
        [["x", "y"], "7", True, 1.0],
        [[], None, False, 2.0],
    ]


def test_names_that_look_like_numbers_stay_names(source):
    table = source("image,label,module\na,x,007\nb,y,008\n", attribute_columns=["module"]).read()
    assert table["attr_module"].tolist() == ["007", "008"]


def test_what_leads_nowhere_is_told(source):
    text = "image,label\n/etc/passwd,x\n../up.png,y\n,x\na.png,y\n"
    table = source(text, files=["a.png", "left.png", ".hidden.png", "notes.txt"]).read()
    assert rows(table, "path", "labels", "refused") == [
        ["/etc/passwd", ["x"], "outside"],
        ["../up.png", ["y"], "outside"],
        ["", ["x"], "missing"],
        ["a.png", ["y"], None],
        ["left.png", [], "no_row"],
    ]


def test_a_row_for_each_box(source):
    text = "file,class,xmin,part\na.jpg,cat,3,train\nb.jpg,dog,4,val\na.jpg,dog,5,\na.jpg,cat,6,train\n"
    table = source(
        text,
        files=["a.jpg", "b.jpg"],
        image_column="file",
        label_column="class",
        split_column="part",
        attribute_columns=["xmin"],
    ).read()
    assert rows(table, "path", "labels", "given_split") == [
        ["a.jpg", ["cat", "dog"], "train"],
        ["b.jpg", ["dog"], "val"],
    ]
    assert table["attr_xmin"].fillna(-1).tolist() == [-1, 4]


def test_init_counts_the_pictures_that_ingest_will_have(source, tmp_path):
    for number in range(4):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    text = "image,label\n" + "".join(f"{number % 5},{'xy'[number % 2]}\n" for number in range(13))
    table = source(text)
    counted = summarise_source(table.read())
    manifest, quarantine = ingest(table, max_pixels=999)
    assert counted.num_items == len(manifest) + len(quarantine) == 5
    assert (len(manifest), quarantine["reason"].tolist()) == (4, ["missing"])
    assert manifest["labels"].tolist() == [["x", "y"]] * 4
    assert counted.labels == {"x": 5, "y": 5}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "image,label\nISIC_7,x\nISIC_8,y\n"),
        ("a.jsonl", '{"image": 7, "label": "x"}\n{"image": 8.0, "label": "y"}\n'),
        ("a.csv", "image,label\n7.0,x\n8.0,y\n"),
    ],
)
def test_ids_without_ending(source, name, content):
    files = ["part_1/ISIC_7.jpg", "part_2/ISIC_8.JPG"] if "ISIC" in content else ["part_1/007.jpg", "part_2/008.jpg"]
    assert rows(source(content, name, files=files).read(), "path", "labels") == [[files[0], ["x"]], [files[1], ["y"]]]


def test_open_stays_inside(source, tmp_path):
    one = source("image,label\na.png,x\n")
    (tmp_path / "a.png").write_bytes(b"png")
    assert one.open("a.png") == b"png"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", 'image,label\n"a\nb",x\na,b,c\n', r"a\.csv: line 4 has 3 fields, expected 2 .* hold a comma"),
        ("a.tsv", "image\tlabel\na\n", r"a\.tsv: line 2 has 1 fields, expected 2 .* hold a tab"),
        ("a.csv", 'image,label\na,x\n"b,y\nc,z\n', r"a\.csv: line 3 is damaged \(unexpected end .*a quote that is not"),
        ("a.csv", "image,label,image\na,x,b\n", r"a\.csv: line 1 names the column 'image' twice"),
        ("a.csv", "image,label\n", r"a\.csv has no row; expected one for each picture"),
        ("a.csv", "", r"a\.csv has no row"),
        ("a.csv", "file;label\na;x\n", r"source\.image_column: .* has no column 'image'; it has \['file', 'label'\]"),
        ("a.csv", "image,label\ncaf\xe9,x\n".encode("latin1"), r"a\.csv: line 2 is not UTF-8 \(byte 0xe9\)"),
        (
            "a.jsonl",
            '{"image": "a", "label": "x"}\n{"image"}\n',
            r"a\.jsonl: line 2: not valid JSON at line 1 column 9",
        ),
        ("a.jsonl", '{"image": "a", "label": "x"}\n[1]\n', r"a\.jsonl: line 2: expected an object, found \[1\]"),
        ("a.jsonl", '{"image": [3], "label": "x"}\n', r"line 1: the picture's path must be a text, found \[3\]"),
        (
            "a.jsonl",
            '{"image": "a", "label": {"x": 1}}\n',
            r"line 1: a label must be a text or a list of texts, found {'x': 1}",
        ),
        ("a.jsonl", '{"image": "a", "label": ["x", ["y"]]}\n', r"line 1: a label must be a text or a list of texts"),
        ("a.parquet", b"PAR1", r"a\.parquet: not a readable Parquet file \(.*\); write it again"),
        ("a.xlsx", b"PK", r"has the extension '\.xlsx'; expected one of \['\.csv', '\.tsv', '\.jsonl'"),
    ],
)
def test_what_is_wrong_with_the_file(source, name, content, message):
    with pytest.raises(UserError, match=message):
        source(content, name).read()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"group_column": "patient"},
            r"source\.group_column: .* has no column 'patient'; it has \['image', 'label', 'n'\]",
        ),
        ({"attribute_columns": ["site"]}, r"source\.attribute_columns: .* has no column 'site'"),
        ({"split_column": "n"}, r"line 2: the split must be empty, train, val or test, found '2'"),
        (
            {"label_column": None, "label_columns": ["n"]},
            r"line 2, column 'n': expected 0 or 1 \(true, false\), found '2'",
        ),
        (
            {"pictures": "gone"},
            r"source\.pictures 'gone' is not a folder; expected the folder that 'image' is relative",
        ),
        ({"path": "gone.csv"}, r"source\.path 'gone\.csv' is not a file"),
    ],
)
def test_what_is_wrong_with_the_choices_for_this_table(source, changes, message):
    with pytest.raises(UserError, match=message):
        source("image,label,n\na,x,2\n", **changes).read()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"label_columns": ["cat"]},
            r"exactly one of label_column and label_columns must be set, got 'label' and \['cat'\]",
        ),
        ({"label_column": None}, r"exactly one of label_column and label_columns must be set, got None and None"),
        ({"attribute_columns": "all"}, r"attribute_columns must be a valid array or 'all others', got 'all'"),
        (
            {"label_column": None, "label_columns": "all others", "attribute_columns": "all others"},
            r"label_columns and attribute_columns cannot both be 'all others'",
        ),
        ({"delimiter": ";;"}, r"delimiter must be null or have at most 1 character, got ';;'"),
        ({"encoding": "base64"}, r"encoding must be null or a name such as utf-8, utf-16 or cp1252, got 'base64'"),
        ({"max_rows": 0}, r"max_rows must be at least 1, got 0"),
    ],
)
def test_refused_choices(source, changes, message):
    with pytest.raises(ValueError, match=message):
        source("", **changes)


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=6)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5))
def test_whatever_csv_and_json_write_is_read(tmp_path_factory, cells):
    folder = tmp_path_factory.mktemp("t")
    with (folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("image", "label"), *[("p" + a, b) for a, b in cells]])
    lines = [json.dumps({"image": "p" + a, "label": b}, ensure_ascii=False) for a, b in cells]
    (folder / "a.jsonl").write_text("\n".join(lines), encoding="utf-8", newline="")
    tables = [read_records(folder / name, Form(delimiter=",", header=True)) for name in ("a.csv", "a.jsonl")]
    assert tables[0].rows == tables[1].rows == [{"image": "p" + a, "label": b} for a, b in cells]


@given(st.binary(max_size=60), st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet"]))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path_factory, data, suffix):
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(data)
    try:
        read_records(path, Form())
    except UserError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message


def parts(root, rows_of, **changes):
    """A table for each part of the split, `train.csv` and so on, in one folder with the pictures of `shared`."""
    path = {}
    for split, lines in rows_of.items():
        path[split] = str(root / f"{split}.csv")
        (root / f"{split}.csv").write_text("\n".join(lines) + "\n")
        for line in lines[1:]:
            (root / line.split(",")[0]).parent.mkdir(parents=True, exist_ok=True)
            (root / line.split(",")[0]).touch()
    options = {
        "name": "pictures",
        "path": path,
        "watch": str(root),
        "pictures": str(root),
        "image_column": "image",
        "label_column": "label",
        "label_separator": None,
        "label_columns": None,
        "group_column": None,
        "split_column": None,
        "attribute_columns": ["age"],
    }
    return Table(**{**options, **changes})


def test_a_table_for_each_part_is_the_given_split(tmp_path):
    rows_of = {
        "test": ["image,label,age", "d.png,dog,n/a"],
        "train": ["image,label,age", "a.png,cat,3", "b.png,dog,4"],
        "val": ["image,age,label", "c.png,5,cat"],
    }
    (tmp_path / "left.png").touch()
    table = parts(tmp_path, rows_of).read()
    assert rows(table, "path", "labels", "given_split", "attr_age") == [
        ["a.png", ["cat"], "train", "3"],
        ["b.png", ["dog"], "train", "4"],
        ["c.png", ["cat"], "val", "5"],
        ["d.png", ["dog"], "test", "n/a"],
        ["left.png", [], None, ANY],
    ]
    assert table["detail"].dropna().tolist() == ["nothing in train.csv, val.csv, test.csv names it"]


def test_numbers_of_all_parts_are_numbers(tmp_path):
    table = parts(tmp_path, {"train": ["image,label,age", "a.png,x,3"], "test": ["image,label,age", "b.png,y,4.5"]})
    assert table.read()["attr_age"].tolist() == [3.0, 4.5]


def test_a_column_that_one_part_lacks_is_said_with_its_file(tmp_path):
    table = parts(tmp_path, {"train": ["image,label,age", "a.png,x,3"], "test": ["image,age", "b.png,4"]})
    with pytest.raises(UserError, match=r"source.label_column: .*test.csv has no column 'label'"):
        table.read()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split_column": "age"}, "split_column must be null where path names a file for each part .*, got 'age'"),
        ({"path": {"train": "a.csv", "dev": "b.csv"}}, "path must name its files by train, val, test"),
        ({"pictures": {"train": "a"}}, "pictures must name a folder for each file of path"),
        ({"pictures": {"train": "a", "test": "a/b"}}, "pictures: 'a/b' is inside 'a'; name one folder for both"),
    ],
)
def test_parts_that_do_not_fit(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        parts(tmp_path, {"train": ["image,label,age"], "test": ["image,label,age"]}, **changes)


@pytest.mark.parametrize("spelling", ["Training", "dev", "VALIDATION_SET", "eval", "holdout", "test set"])
def test_splits_are_spelt_as_folders_are(source, spelling):
    table = source(f"image,label,part\na.png,x,{spelling}\n", split_column="part").read()
    expected = {"Training": "train", "holdout": "test", "test set": "test"}.get(spelling, "val")
    assert table["given_split"].tolist() == [expected]
