"""What the columns of a table are taken for."""

import json

import pandas as pd
import pytest

from pipeline.datasets.discovery.file_listing import EDGE_BYTES, list_files
from pipeline.datasets.sources.table import Table
from pipeline.datasets.tables import picture_columns


def ways(root, text, told=None, name="labels.csv", named=False):
    root.mkdir(exist_ok=True)
    (root / name).write_text(text)
    return list(Table.recognise(list_files(root / name if named else root), told or {}))


def one(root, header, *rows, told=None):
    """The choices for a table of these rows, each written three times."""
    (way,) = ways(root, "\n".join([header, *(row for row in rows for _ in range(3))]) + "\n", told)
    assert way.missing == ""
    return way.choices


@pytest.mark.parametrize(
    ("header", "rows", "expected"),
    [
        ("image,label", ["a.png,x", "b.png,y"], {"image_column": "image", "label_column": "label"}),
        ("id,File Name,dx", ["1,a.png,x", "2,b.png,y"], {"image_column": "File Name", "label_column": "dx"}),
        ("thumb,path,kind", ["t.png,a.png,x", "u.png,b.png,y"], {"image_column": "path", "label_column": "kind"}),
        ("f,label,Patient-ID", ["a.png,x,1", "b.png,y,2"], {"group_column": "Patient-ID", "attribute_columns": []}),
        ("f,label,set", ["a.png,x,Train", "b.png,y,valid"], {"split_column": "set"}),
        ("f,label,set", ["a.png,x,one", "b.png,y,two"], {"split_column": None, "attribute_columns": ["set"]}),
        ("f,cat,dog", ["a.png,0,1", "b.png,1,0"], {"label_column": None, "label_columns": ["cat", "dog"]}),
        ("f,label,cat,dog", ["a.png,x,0,1", "b.png,y,1,0"], {"label_column": "label", "label_columns": None}),
        ("f,label", ["a.png,x|y", "b.png,x", "c.png,y"], {"label_separator": "|"}),
        ("f,label", ['a.png,"x, y"', "b.png,x", "c.png,y"], {"label_separator": ","}),
        ("f,label", ['a.png,"Smith, John"', 'b.png,"Smith, Jane"'], {"label_separator": None}),
    ],
)
def test_columns_are_known_by_name_and_content(header, rows, expected, tmp_path):
    found = one(tmp_path, header, *rows)
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("files", "header", "rows", "expected"),
    [
        (
            ["p1/x1.jpg", "p2/x2.jpg"],
            "lesion_id,pic,kind",
            ["a,x1,m", "b,x2,n"],
            {"image_column": "pic", "pictures": ""},
        ),
        (["train/1.jpg", "train/2.jpg", "test/3.jpg"], "id,age", ["1,x", "2,y"], {"pictures": "train"}),
        (["1.jpg", "2.jpg", "3.jpg"], "age,number,kind", ["1,3,u", "1,2,v", "2,1,u"], {"image_column": "number"}),
        (["a.jpg", "cat.jpg"], "file,label", ["a,cat", "a,cat", "b,dog"], {"image_column": "file"}),
        (
            ["img/a.jpg"],
            "label,anything",
            ["x,/home/me/img/a.jpg", "y,/home/me/img/b.jpg"],
            {"image_column": "anything"},
        ),
    ],
)
def test_the_column_of_pictures_is_the_one_that_leads_to_them(files, header, rows, expected, tmp_path):
    for file in files:
        (tmp_path / "set" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / file).touch()
    found = one(tmp_path / "set", header, *rows)
    expected = {key: str(tmp_path / "set" / value) if key == "pictures" else value for key, value in expected.items()}
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(("last", "folder"), [("train", "train"), ("extra", "")])
def test_the_folder_of_a_long_table_holds_the_pictures_of_all_its_rows(tmp_path, monkeypatch, last, folder):
    monkeypatch.setattr(picture_columns, "MAX_ROWS", 4)
    files = [f"train/{number}.jpg" for number in range(8)] + [f"{last}/8.jpg", "test/9.jpg"]
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    text = "id,breed\n" + "".join(f"{number},{'xy'[number % 2]}\n" for number in range(9))
    (way,) = ways(tmp_path, text)
    assert way.choices["pictures"] == str(tmp_path / folder)
    monkeypatch.setattr(picture_columns, "MAX_WHOLE_BYTES", 9)
    (way,) = ways(tmp_path, text)
    assert way.choices["pictures"] == str(tmp_path)


def test_pictures_in_the_folder_that_a_person_names(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far/a.jpg").touch()
    (way,) = ways(tmp_path / "set", "key,label\na,x\na,y\n", {"pictures": str(tmp_path / "far")})
    assert (way.choices["image_column"], way.choices["pictures"]) == ("key", str(tmp_path / "far"))


def test_a_table_without_a_first_line_and_with_semicolons(tmp_path):
    (way,) = ways(tmp_path, "".join(f"{number}.png;{'cd'[number % 2]};0,5\n" for number in range(8)))
    assert (way.choices["image_column"], way.choices["label_column"]) == ("column_1", "column_2")
    assert way.notes[-1].startswith("its first line is read as a row, not as names of columns; --header yes")


def test_rows_for_boxes_and_numbers_of_rows(tmp_path):
    rows = [f"{row},{row // 2}.png,{'xy'[row // 2 % 2]},{row},N" for row in range(12)]
    (way,) = ways(tmp_path, "\n".join([",file,class,xmin,site", *rows]))
    assert way.choices["attribute_columns"] == ["site"]
    said = "12 rows name 6 pictures: labels of one picture are united, the columns ['', 'xmin'], which differ"
    assert any(note.startswith(said) for note in way.notes)
    rows = [f"{row},{row}.png,{'xy'[row % 2]}" for row in range(12)]
    (way,) = ways(tmp_path, "\n".join([",file,class", *rows]))
    assert way.choices["attribute_columns"] == []
    assert "left out as row numbers: ['']" in way.notes


def test_an_encoding_that_nobody_knows(tmp_path):
    (way,) = ways(tmp_path, "image,label\n", {"encoding": "klingon"}, named=True)
    assert way.missing == "--encoding 'klingon' is not an encoding that Python knows; expected for example cp1252"


def test_a_camera_of_each_class_stays_an_attribute_and_the_number_of_the_class_does_not(tmp_path):
    rows = ["a.png,cat,1,Felis catus,Canon,7", "b.png,dog,2,Canis lupus,Nikon,8"]
    (way,) = ways(tmp_path, "\n".join(["f,label,class_id,scientific_name,camera,code", *rows * 3]))
    assert way.choices["of_label_columns"] == ["class_id", "scientific_name"]
    assert way.choices["attribute_columns"] == ["camera", "code"]
    assert "taken for other names of the label, which no check uses: 'class_id', 'scientific_name'" in way.notes
    assert any(
        note.startswith("determined by the label, or the label by it: 'camera', 'code'; if that is")
        for note in way.notes
    )


def test_what_is_told_goes_first(tmp_path):
    told = {"label_column": "other", "group_column": "label", "label_separator": "/"}
    found = one(tmp_path, "f,label,other", "a.png,x,u", "b.png,y,v", told=told)
    assert (found["label_column"], found["group_column"], found["label_separator"]) == ("other", "label", "/")


def test_pictures_are_looked_for(tmp_path):
    (tmp_path / "images/sub").mkdir(parents=True)
    (tmp_path / "images/sub/a.png").touch()
    assert one(tmp_path, "f,label", "sub/a.png,x", "sub/b.png,y")["pictures"] == str(tmp_path / "images")


def test_a_table_without_pictures_is_none_unless_named(tmp_path):
    assert ways(tmp_path, "a,b\n1,2\n") == []
    (way,) = ways(tmp_path, "a,b\n1,2\n", named=True)
    assert way.missing == "no column of ['a', 'b'] names picture files; give it with --image-column"


def test_a_damaged_table_is_told_where_it_was_named(tmp_path):
    assert ways(tmp_path, "a,b\n1,2,3\n") == []
    (way,) = ways(tmp_path, "a,b\n1,2,3\n", named=True)
    assert "line 2 has 3 fields, expected 2" in way.missing


def test_only_the_beginning_is_read(tmp_path):
    rows = "".join(f'{number}.png,x,"a note\n of two lines"\n{number}b.png,y,\n' for number in range(30_000))
    assert len(rows) > EDGE_BYTES
    (way,) = ways(tmp_path, "image,label,note\n" + rows + "damaged\n")
    assert (way.choices["image_column"], way.choices["label_column"]) == ("image", "label")


def test_json_lines_and_parquet(tmp_path):
    rows = [{"file": f"{number}.png", "tags": ["x", "y"] if number % 2 else ["x"]} for number in range(6)]
    (way,) = ways(tmp_path, "\n".join(map(json.dumps, rows)), name="labels.jsonl")
    assert (way.choices["label_column"], way.choices["label_separator"]) == ("tags", None)
    (tmp_path / "labels.jsonl").unlink()
    pd.DataFrame(rows).to_parquet(tmp_path / "labels.parquet")
    (again,) = Table.recognise(list_files(tmp_path), {})
    assert {**way.choices, "path": ""} == {**again.choices, "path": ""}


def test_a_damaged_parquet(tmp_path):
    (way,) = ways(tmp_path, "PAR1", name="labels.parquet", named=True)
    assert "not a readable Parquet file" in way.missing


@pytest.mark.parametrize(
    ("header", "rows", "line"),
    [
        ("image,label", ["a.png,cat", "b.png,NA"], "the labels ['NA'] look like missing values and are classes"),
        ("image,label", ["a.png,cat", "b.png,none"], None),  # no defect, often
        (
            "image,label,Usage",
            ["a.png,x,Training", "b.png,y,PublicTest", "c.png,x,PrivateTest"],
            "column 'Usage' looks like a split, but ['PrivateTest', 'PublicTest'] name neither train, val nor test",
        ),
        ("image,label,set", ["a.png,x,one", "b.png,y,two"], None),
        ("image,label,set", ["a.png,x,Training", "b.png,y,Testing"], None),
    ],
)
def test_what_only_a_person_can_decide_is_said(header, rows, line, tmp_path):
    (way,) = ways(tmp_path, "\n".join([header, *(row for row in rows for _ in range(3))]) + "\n")
    said = [note for note in way.notes if "missing" in note or "looks like a split" in note]
    assert len(said) == (line is not None)
    assert all(note.startswith(line) for note in said)


@pytest.mark.parametrize("key", ["label_column", "group_column", "split_column"])
def test_a_column_that_is_not_there_is_said_with_those_that_are(key, tmp_path):
    (way,) = ways(tmp_path, "image,label\na.png,x\nb.png,y\n", {key: "nosuch"}, named=True)
    option = key.replace("_", "-")
    assert way.missing == f"there is no column 'nosuch', only ['image', 'label']; give another with --{option}"
