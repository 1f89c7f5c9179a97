"""Small files that unpack to much: each is refused in one line before the work, or costs no more than its size."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.discovery.file_listing import list_files
from pipeline.datasets.sources import items
from pipeline.datasets.sources.coco import Coco
from pipeline.datasets.sources.items import Item, attribute_names, table
from pipeline.datasets.sources.table import Table
from pipeline.datasets.tables import parquet
from pipeline.datasets.tables.records import Form, read_records


def parquet_file(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_a_text_that_comes_often_is_held_once(tmp_path):
    path = parquet_file(
        tmp_path / "a.parquet", {"image": [f"{row}.jpg" for row in range(3000)], "x": ["y" * 4000] * 3000}
    )
    assert path.stat().st_size < 100_000
    rows = read_records(path, Form()).rows
    assert len({id(row["x"]) for row in rows}) == 1
    assert rows[2999] == {"image": "2999.jpg", "x": "y" * 4000}


def test_more_values_than_the_bytes_of_a_file_explain(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ALWAYS_ALLOWED", 1000)
    path = parquet_file(tmp_path / "a.parquet", {"image": ["a.jpg"] * 200_000, "x": [1] * 200_000})
    with pytest.raises(UserError, match=r"could fill the memory: [\d,]+ bytes hold 400,000 values, more than 20"):
        read_records(path, Form())
    nested = parquet_file(tmp_path / "b.parquet", {"image": [[None] * 200_000]})
    with pytest.raises(UserError, match=r"bytes hold 200,000 values, more than 20 for each byte"):
        read_records(nested, Form())


def test_texts_in_lists_count_each_time(tmp_path, monkeypatch):
    path = parquet_file(tmp_path / "a.parquet", {"label": [["y" * 1000] * 100] * 100})
    assert len(read_records(path, Form()).rows) == 100
    monkeypatch.setattr(parquet, "MAX_DOCUMENT_BYTES", 1_000_000)
    with pytest.raises(UserError, match=r"it unpacks to more than 1,000,000 bytes; write it as CSV"):
        read_records(path, Form())


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize(
    ("form", "message"),
    [
        (Form(max_rows=2), r"has more than 2 rows, which is all that is read; .*raise source\.max_rows"),
        (
            Form(max_columns=1),
            r"(2 columns, at most 1|2 different keys, at most 1|more than 1 columns, which).*raise source\.max_columns",
        ),
    ],
)
def test_rows_and_columns(tmp_path, name, form, message):
    frame = pd.DataFrame({"image": ["a", "b", "c"], "label": ["x", "y", "x"]})
    write = {
        "a.csv": lambda path: frame.to_csv(path, index=False),
        "a.tsv": lambda path: frame.to_csv(path, index=False, sep="\t"),
        "a.jsonl": lambda path: frame.to_json(path, orient="records", lines=True),
        "a.parquet": lambda path: frame.to_parquet(path, index=False),
    }
    write[name](tmp_path / name)
    with pytest.raises(UserError, match=message):
        read_records(tmp_path / name, form)
    assert len(read_records(tmp_path / name, Form(max_rows=3, max_columns=2)).rows) == 3


def test_a_jsonl_file_in_which_each_row_has_another_key_stops_early(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"image": "{row}.jpg", "k{row}": 1}}\n' for row in range(4000)))
    with pytest.raises(UserError, match=r"up to line 1000 its rows have 1,001 different keys, at most 1,000 are read"):
        read_records(path, Form())
    assert [len(row) for row in read_records(path, Form(max_columns=9999)).rows] == [2] * 4000


def test_a_table_of_twenty_thousand_columns(tmp_path):
    header = ",".join(["image", "label", *(f"c{number}" for number in range(20_000))])
    (tmp_path / "a.csv").write_text(f"{header}\n{'x,' * 20_001}x\n")
    (way,) = Table.recognise(list_files(tmp_path / "a.csv"), {})
    assert "line 1 has 20,002 columns, at most 1,000 are read; leave out those that say nothing" in way.missing
    assert list(Table.recognise(list_files(tmp_path), {})) == []


def test_a_field_without_end(tmp_path):
    (tmp_path / "a.csv").write_text(f"image,label\na.jpg,{'x' * 200_000}\n")
    with pytest.raises(UserError, match=r"line 2 is damaged \(field larger than field limit \(131072\)\)"):
        read_records(tmp_path / "a.csv", Form())


def test_a_coco_file_in_which_each_image_has_another_key(tmp_path):
    images = [{"id": number, "file_name": f"{number}.jpg", f"key {number}": 1} for number in range(1500)]
    content = {"images": images, "annotations": [], "categories": []}
    (tmp_path / "a.json").write_text(json.dumps(content))
    source = Coco(name="x", path=str(tmp_path / "a.json"), pictures=str(tmp_path), watch="x")
    with pytest.raises(UserError, match=r"more than 1,000 different attributes of pictures, among them 'key 0', 'key"):
        source.read()


def test_many_attributes_of_many_pictures(monkeypatch):
    monkeypatch.setattr(items, "MAX_VALUES", 5)
    rows = [Item(path=str(number), attributes={"a": 1, "b": 2}) for number in range(3)]
    with pytest.raises(UserError, match=r"has 2 attributes of 3 pictures, more than 5 values; keep those"):
        table(rows)
    assert len(table(rows[:2])) == 2


def test_names_that_become_one_are_numbered_in_one_pass():
    names = [f"{'-' * number}a" for number in range(3)] + ["a_2", "a_2_2"]
    assert attribute_names(names) == ["attr_a", "attr_a_2", "attr_a_3", "attr_a_2_2", "attr_a_2_2_2"]
    many = attribute_names(["!"] * 50_000)
    assert len(set(many)) == 50_000


def test_a_value_nested_as_deep_as_json_may_be():
    deep = json.loads("[" * 900 + "]" * 900)
    assert table([Item(path="a", attributes={"x": deep})])["attr_x"].tolist() == ["[" * 900 + "]" * 900]
