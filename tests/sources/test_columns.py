"""What the columns of a table are taken for."""

import json

import pandas as pd
import pytest

from pipeline.core.places import EDGE_BYTES, look
from pipeline.sources.table import Table


def ways(root, text, told=None, name="labels.csv", named=False):
    (root / name).write_text(text)
    return list(Table.recognise(look(root / name if named else root), told or {}))


def one(root, header, *rows, told=None):
    """The choices for a table of these rows, each written three times."""
    (way,) = ways(root, "\n".join([header, *(row for row in rows for _ in range(3))]) + "\n", told)
    assert way.lacks == ""
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
    assert way.lacks == "no column of ['a', 'b'] names picture files; say which with --image-column"


def test_a_damaged_table_is_told_where_it_was_named(tmp_path):
    assert ways(tmp_path, "a,b\n1,2,3\n") == []
    (way,) = ways(tmp_path, "a,b\n1,2,3\n", named=True)
    assert "line 2 has 3 fields, expected 2" in way.lacks


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
    (again,) = Table.recognise(look(tmp_path), {})
    assert {**way.choices, "path": ""} == {**again.choices, "path": ""}


def test_a_damaged_parquet(tmp_path):
    (way,) = ways(tmp_path, "PAR1", name="labels.parquet", named=True)
    assert "not a readable Parquet file" in way.lacks
