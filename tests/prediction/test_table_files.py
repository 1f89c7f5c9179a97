"""CSV, Parquet and JSON lines, part by part and complete or not at all."""

import json
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import UserError
from pipeline.prediction import table_files
from pipeline.prediction.classifier import Answers
from pipeline.prediction.table_files import open_table, refuse_unwritable
from pipeline.prediction.tables import make_table


def answers(labels, scores, **policy):
    return Answers(labels=labels, scores=np.array(scores), **{"abstains": None, "sets": None, **policy})


PARTS = [
    make_table(['a,"1".png', "b.txt"], answers([["x"]], [[0.75, 0.25]]), ["x", "y"], True, {1: "empty: 0 bytes"}),
    make_table(["ü.png"], answers([["y"]], [[1 / 3, 2 / 3]]), ["x", "y"], True, {}),
]


def write(path):
    with open_table(path) as table:
        for part in PARTS:
            table.append(part)
    return path


def test_csv(project):
    assert write(project / "new/p.csv").read_text(encoding="utf-8") == (
        "file,class,confidence,score_x,score_y,reason\n"
        '"a,""1"".png",x,0.750000,0.750000,0.250000,\n'
        "b.txt,,,,,empty: 0 bytes\n"
        "ü.png,y,0.666667,0.333333,0.666667,\n"
    )


def test_json_lines(project):
    lines = write(project / "p.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"file": 'a,"1".png', "class": "x", "confidence": 0.75, "scores": {"x": 0.75, "y": 0.25}, "reason": None},
        {"file": "b.txt", "class": None, "confidence": None, "scores": None, "reason": "empty: 0 bytes"},
        {"file": "ü.png", "class": "y", "confidence": 0.666667}
        | {"scores": {"x": 0.333333, "y": 0.666667}, "reason": None},
    ]


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_parquet(project, monkeypatch, rows):
    monkeypatch.setattr(table_files, "ROW_GROUP", rows)
    found = pd.read_parquet(write(project / "p.parquet"))
    pd.testing.assert_frame_equal(found, pd.concat(PARTS, ignore_index=True))


def test_json_lines_of_the_last_run(project):
    row = {"file": "a", "split": "val", "true": "x", "right": False, "class": "y", "confidence": 0.5, "score_x": 0.5}
    with open_table(project / "p.jsonl") as table:
        table.append(pd.DataFrame([row]))
    found = json.loads((project / "p.jsonl").read_text())
    del row["score_x"]
    assert found == {**row, "scores": {"x": 0.5}}


@pytest.mark.parametrize("name", ["p.csv", "p.parquet", "p.jsonl"])
def test_an_interrupted_table_leaves_the_one_before(project, name):
    (project / name).write_text("before")
    with suppress(KeyboardInterrupt), open_table(project / name) as table:
        table.append(PARTS[0])
        raise KeyboardInterrupt
    assert (project / name).read_text() == "before"
    assert [path.name for path in project.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("p.xlsx", r"^--out 'p.xlsx' must end in .csv, .parquet, .jsonl; the ending chooses the format$"),
        ("p", r"^--out 'p' must end in"),
        ("folder.csv", r"^--out 'folder.csv' is a folder; name a file in it$"),
        ("data/../data/predictions.parquet", r"is what a stage of the pipeline writes; choose another name$"),
        ("reports/label_suspects.csv", r"is what a stage of the pipeline writes; choose another name$"),
    ],
)
def test_what_is_refused_at_once(project, name, message):
    (project / "folder.csv").mkdir()
    with pytest.raises(UserError, match=message):
        refuse_unwritable(project.__class__(name))


def test_a_folder_that_is_a_file(project):
    (project / "a").touch()
    with pytest.raises(UserError, match=r"cannot be written: (File exists|Not a directory); choose another --out$"):
        write(project / "a/p.csv")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_what_a_policy_adds(project, ending):
    policy = {"abstains": np.array([True, False]), "sets": [["x", "y"], []]}
    table = make_table(["a", "b"], answers([["x"], ["y"]], [[0.5, 0.5], [0.0, 1.0]], **policy), ["x", "y"], True, {})
    with open_table(project / f"p.{ending}") as file:
        file.append(table)
    readers = {"csv": pd.read_csv, "jsonl": lambda path: pd.read_json(path, lines=True), "parquet": pd.read_parquet}
    found = readers[ending](project / f"p.{ending}")
    assert found["abstains"].tolist() == [True, False]
    assert found["set"].fillna("").tolist() == ["x|y", ""]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_picture_that_is_out_of_distribution_keeps_its_scores(project, ending):
    far = np.array([2.5, 0.5], np.float32)
    reasons = np.array(["out of distribution", ""], dtype=object)
    policy = {"abstains": np.array([True, False]), "sets": None, "out_of_distribution": far, "reasons": reasons}
    found = answers([["x"], ["y"]], [[0.75, 0.25], [0.0, 1.0]], **policy)
    table = make_table(["a", "bad", "b"], found, ["x", "y"], True, {1: "empty: 0 bytes"})
    assert table["reason"].tolist() == ["out of distribution", "empty: 0 bytes", ""]
    assert table["abstains"].tolist() == [True, True, False]
    np.testing.assert_array_equal(table["out_of_distribution"], np.array([2.5, np.nan, 0.5], np.float32))
    with open_table(project / f"p.{ending}") as file:
        file.append(table)
    if ending == "jsonl":
        rows = [json.loads(line) for line in (project / "p.jsonl").read_text().splitlines()]
        assert rows[0]["scores"] == {"x": 0.75, "y": 0.25}
        assert [row["class"] for row in rows] == ["x", None, "y"]
        assert [row["out_of_distribution"] for row in rows] == [2.5, None, 0.5]
        assert [row["reason"] for row in rows] == ["out of distribution", "empty: 0 bytes", None]
    else:
        read = (pd.read_csv if ending == "csv" else pd.read_parquet)(project / f"p.{ending}")
        assert read["score_x"].fillna(-1).tolist() == [0.75, -1, 0]
        assert read["out_of_distribution"].fillna(-1).tolist() == [2.5, -1, 0.5]
