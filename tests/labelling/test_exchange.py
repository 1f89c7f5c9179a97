"""A data set goes out in each format and comes back the same."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from exchange_examples import ingest_into_project, params_of, picture
from films import animation, numbered
from hypothesis import given, settings
from hypothesis import strategies as st
from volume_examples import nifti

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.datasets.label_decisions import LabelDecision, append_decisions
from pipeline.datasets.tables import typed_cells
from pipeline.labelling.exchange.export import FORMATS, export_set

LISTED = ("darwin", "label_studio", "coco", "csv")
AWKWARD = [
    "=cmd|' /C calc'!A0",
    "+1",
    '@a, "b" | c',
    "[x]",
    "<b>&'",
    "größe/é",
    "line\nbreak",
    "007",
    "true",
    "'quoted",
    "split",
    "image",
]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table_of(rows, separator="[]"):
    """The source of a JSONL table."""
    Path("raw").mkdir(exist_ok=True)
    Path("raw/rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return {
        "_target_": "pipeline.datasets.sources.table.Table",
        "name": "things",
        "path": "raw/rows.jsonl",
        "pictures": "raw",
        "watch": "raw",
        "image_column": "path",
        "label_column": "label",
        "label_separator": separator,
        "label_columns": None,
        "group_column": "patient",
        "split_column": None,
        "attribute_columns": ["site", "size", "is_wet", "group"],
    }


def awkward_rows():
    """A row for each awkward name, with two labels, an awkward text, a number and a truth value; then one without."""
    for number, name in enumerate(AWKWARD):
        path = f"föld er/{number}'+ü?.png"
        picture(Path("raw") / path, number)
        other = AWKWARD[number - 1]
        yield {"path": path, "label": [name, other], "site": other, "size": number / 3, "is_wet": number % 2 == 0}
    picture(Path("raw/none.png"), 90)
    yield {"path": "none.png", "label": [], "patient": "=1+1", "site": "1e5", "group": "x"}
    picture(Path("raw/negative.png"), 91)
    yield {"path": "negative.png", "label": [], "patient": "p 2", "site": "", "size": -2.5e-7}


def negative(name):
    return LabelDecision(
        sample_id=name,
        action="label",
        previous=[],
        labels=[],
        who="Ada",
        when="2026-11-30",
        why="looked",
        attributes={"severity": "mild"},
    )


def read_back(export):
    """The rows by path, of the conf file that the export wrote."""
    conf = yaml.safe_load(export.settings.read_text())
    source = config.build(conf["source"], "source")
    return {row["path"]: row for row in source.read().to_dict("records")}, source


@pytest.mark.parametrize("to", LISTED)
def test_awkward_names_several_labels_none_and_negatives_come_back(project, to):
    params = params_of(table_of(awkward_rows()), task="multi")
    append_decisions(artifacts.decisions_file("things"), [negative("negative.png")])
    parts = ["train", "val", "test"] * 4 + ["pool", "train"]
    manifest = ingest_into_project(params, parts)
    assert len(manifest) == 14
    export = export_set(params, to, Path("out"))
    rows, source = read_back(export)
    for row, part in zip(manifest.to_dict("records"), parts, strict=True):
        found = rows[row["path"]]
        assert found["labels"] == list(row["labels"])
        assert bool(found.get("negative")) == (row["path"] == "negative.png")
        assert found["given_split"] == (part if part != "pool" else None)
        assert found["group"] == (row["group"] if isinstance(row["group"], str) else None)
        for column in ("attr_site", "attr_size", "attr_is_wet", "attr_group", "attr_severity"):
            assert (found[column] == row[column]) or (found[column] != found[column] or found[column] is None)
            assert (found[column] is None or found[column] != found[column]) == (
                row[column] is None or row[column] != row[column]
            )
        assert source.open(row["path"]) == Path("raw", row["path"]).read_bytes()
    assert rows["negative.png"]["attr_severity"] == "mild"
    conf = export.settings.read_text()
    assert "override /split: given" in conf
    assert "/experiment/multi_label" in conf
    assert [*project.glob(".out*")] == []


def test_decisions_after_the_last_run_count_and_dropped_samples_stay_behind(project):
    rows = [{"path": f"{n}.png", "label": ["cat"] if n < 2 else []} for n in range(4)]
    for n in range(4):
        picture(Path(f"raw/{n}.png"), n)
    source = table_of(rows) | {"attribute_columns": [], "group_column": None}
    params = params_of(source)
    ingest_into_project(params)
    more = {"who": "Ada", "when": "2026-11-30", "why": "looked"}
    decisions = [
        LabelDecision(sample_id="0.png", action="drop", previous=["cat"], **more),
        LabelDecision(sample_id="1.png", action="relabel", previous=["cat"], labels=["dog"], **more),
        LabelDecision(sample_id="2.png", action="label", previous=[], labels=["dog"], attributes={"size": 3}, **more),
    ]
    append_decisions(artifacts.decisions_file("things"), decisions)
    rows, _ = read_back(export_set(params, "csv", Path("out")))
    assert {path: row["labels"] for path, row in rows.items()} == {"1.png": ["dog"], "2.png": ["dog"], "3.png": []}
    assert rows["2.png"]["attr_size"] == 3


def single_rows():
    for number in range(6):
        picture(Path(f"raw/{'a' if number < 3 else 'b'}/{number % 3}.png"), number)
        label = ["größe", "bus stop", ""][number % 3]
        yield {"path": f"{'a' if number < 3 else 'b'}/{number % 3}.png", "label": label, "site": "north"}


def test_class_folders_come_back_and_say_what_they_cannot_hold(project):
    params = params_of(table_of(single_rows(), "") | {"attribute_columns": ["site"], "group_column": None})
    ingest_into_project(params, ["train", "val", "pool", "test", "train", "pool"])
    export = export_set(params, "folder", Path("out"))
    rows, _ = read_back(export)
    assert {path: (row["labels"], row["given_split"]) for path, row in rows.items()} == {
        "train/größe/0.png": (["größe"], "train"),
        "val/bus stop/1.png": (["bus stop"], "val"),
        "train/unlabelled/2.png": ([], "train"),
        "test/größe/0.png": (["größe"], "test"),
        "train/bus stop/1.png": (["bus stop"], "train"),
        "train/unlabelled/2_2.png": ([], "train"),
    }
    assert export.left_out == ("site",)


def test_class_folders_refuse_what_they_would_lose(project):
    picture(Path("raw/0.png"), 0)
    picture(Path("raw/1.png"), 1)
    picture(Path("raw/2.png"), 2)
    rows = [{"path": "0.png", "label": ["a", "b"]}, {"path": "1.png", "label": ["a"]}]
    plain = {"attribute_columns": [], "group_column": None}
    params = params_of(table_of(rows) | plain, task="multi")
    ingest_into_project(params)
    with pytest.raises(UserError, match=r"one label per sample, and '0\.png' shows the labels a, b; use csv or coco"):
        export_set(params, "folder", Path("out"))
    for names, message in {
        ("../up", "x"): "the class '../up' can name no folder",
        ("x",): "class folders need at least two classes",
        ("no label", "x", "y"): "not exported: the labels of '0.png' would come back as",
    }.items():
        rows = [{"path": f"{n}.png", "label": [name]} for n, name in enumerate(names)]
        params = params_of(table_of(rows) | plain)
        ingest_into_project(params)
        with pytest.raises(UserError, match=message):
            export_set(params, "folder", Path("out"))
    assert not Path("out").exists()
    assert not Path("up").exists()


def test_a_class_called_train_comes_back_where_there_is_no_split(project):
    for number in range(2):
        picture(Path(f"raw/{number}.png"), number)
    rows = [{"path": "0.png", "label": "train"}, {"path": "1.png", "label": "bus"}]
    params = params_of(table_of(rows, "") | {"attribute_columns": [], "group_column": None})
    ingest_into_project(params)
    rows, _ = read_back(export_set(params, "folder", Path("out")))
    assert {path: row["labels"] for path, row in rows.items()} == {"train/0.png": ["train"], "bus/1.png": ["bus"]}


def small(project):
    picture(Path("raw/0.png"), 0)
    picture(Path("raw/1.png"), 1)
    rows = [{"path": "0.png", "label": "=a()"}, {"path": "1.png", "label": "b"}]
    params = params_of(table_of(rows, "") | {"attribute_columns": [], "group_column": None})
    ingest_into_project(params)
    return params


def test_links_lead_to_the_pictures_and_nothing_is_replaced_unasked(project):
    params = small(project)
    export_set(params, "csv", Path("out"), link=True)
    assert Path("out/pictures/0.png").is_symlink()
    assert Path("out/pictures/0.png").resolve() == Path("raw/0.png").resolve()
    with pytest.raises(UserError, match="'out' exists; choose another --out, or write over it with --force"):
        export_set(params, "coco", Path("out"))
    export_set(params, "coco", Path("out"), force=True)
    assert not Path("out/labels.csv").exists()
    assert not Path("out/pictures/0.png").is_symlink()
    assert Path("raw/0.png").is_file()
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("of a person")
    with pytest.raises(UserError, match="'mine' is no folder that colibri export wrote, so --force does not remove it"):
        export_set(params, "coco", Path("mine"), force=True)
    assert Path("mine/notes.txt").read_text() == "of a person"


def test_a_spreadsheet_computes_no_cell(project):
    params = small(project)
    export_set(params, "csv", Path("out"))
    with Path("out/labels.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert "'=a()" in cells
    assert [cell for cell in cells if cell[:1] in set("=+-@\t\r")] == []


def test_the_labelling_page_holds_the_classes_as_text(project):
    from xml.etree import ElementTree

    params = params_of(table_of(awkward_rows()), task="multi")
    ingest_into_project(params)
    export_set(params, "label_studio", Path("out"))
    root = ElementTree.parse("out/label_config.xml").getroot()
    found = {one.attrib["value"] for one in root.iter("Choice")}
    assert found == {*AWKWARD}
    assert next(root.iter("Choices")).attrib["choice"] == "multiple"


def test_a_picture_that_is_gone_leaves_nothing_behind(project):
    params = small(project)
    Path("raw/1.png").unlink()
    with pytest.raises(UserError, match=r"1.png cannot be read now \(missing"):
        export_set(params, "csv", Path("out"))
    assert sorted(os.listdir()) == ["data", "raw"]


@pytest.mark.parametrize("to", ["coco", "folder"])
def test_clips_come_back(project, to):
    for name in ("a", "b"):
        path = Path(f"raw/{name}/one.gif")
        path.parent.mkdir(parents=True)
        path.write_bytes(animation("GIF", numbered(6)))
    source = {
        "_target_": "pipeline.datasets.sources.clips.Clips",
        "name": "films",
        "path": "raw",
        "watch": "raw",
    }
    params = params_of(source, "clip")
    manifest = ingest_into_project(params, ["train", "val"])
    assert manifest["media"].tolist() == ["clip", "clip"]
    export = export_set(params, to, Path("out"))
    rows, _ = read_back(export)
    assert sorted(row["labels"] for row in rows.values()) == [["a"], ["b"]]
    assert "override /media: clip" in export.settings.read_text()


@pytest.mark.parametrize("to", ["label_studio", "csv"])
def test_volumes_come_back(project, to):
    for number, name in enumerate(("a", "b")):
        path = Path(f"raw/{name}/one.nii.gz")
        path.parent.mkdir(parents=True)
        voxels = np.random.default_rng(number).integers(0, 900, (6, 7, 8), dtype=np.int16)
        path.write_bytes(nifti(voxels, np.eye(4)))
    source = {"_target_": "pipeline.datasets.sources.volumes.Volumes", "name": "scans", "path": "raw", "watch": "raw"}
    params = params_of(source, "volume")
    manifest = ingest_into_project(params, ["train", "val"])
    assert len(manifest) == 2
    rows, back = read_back(export_set(params, to, Path("out")))
    assert sorted(row["labels"] for row in rows.values()) == [["a"], ["b"]]
    sample = next(path for path, row in rows.items() if row["labels"] == ["b"])
    assert back.open(sample) == Path("raw/b/one.nii.gz").read_bytes()


def test_darwin_takes_pictures_alone(project):
    source = {"_target_": "pipeline.datasets.sources.clips.Clips", "name": "films", "path": "raw", "watch": "raw"}
    for name in ("a", "b"):
        path = Path(f"raw/{name}/one.gif")
        path.parent.mkdir(parents=True)
        path.write_bytes(animation("GIF", numbered(6)))
    params = params_of(source, "clip")
    ingest_into_project(params)
    with pytest.raises(UserError, match="Darwin files of clips cannot be read back; use csv, coco or label_studio"):
        export_set(params, "darwin", Path("out"))


def test_pixels_without_a_file_become_png(project):
    source = {
        "_target_": "pipeline.datasets.sources.digits.Digits",
        "name": "digits",
        "num_per_class": 1,
        "watch": "x",
    }
    params = params_of(source)
    manifest = ingest_into_project(params).head(3)
    artifacts.write_table(artifacts.MANIFEST, manifest)
    rows, _ = read_back(export_set(params, "csv", Path("out")))
    from PIL import Image

    reader = config.build(source, "source")
    for row in manifest.to_dict("records"):
        pixels = np.asarray(Image.open(Path("out/pictures", f"{row['path']}.png")))
        assert np.array_equal(pixels, np.asarray(reader.open(row["path"])))
        assert rows[f"{row['path']}.png"]["labels"] == list(row["labels"])


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.one_of(
    TEXTS, st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([*AWKWARD, "1E5", "-", ""])
)


@given(value=VALUES)
@settings(max_examples=120)
def test_a_typed_cell_comes_back_and_is_no_formula(value):
    cell = typed_cells.write_cell(value)
    found = typed_cells.read_cell(cell)
    assert found == value
    assert type(found) is type(value)
    assert cell[:1] not in ("=", "@", "\t", "\r", "+")
    assert not cell.startswith("-") or isinstance(value, float)


@given(text=TEXTS)
@settings(max_examples=60)
def test_a_text_cell_comes_back_as_a_text(text):
    cell = typed_cells.write_text(text)
    assert typed_cells.read_text(cell) == text
    assert cell[:1] not in ("=", "@") or len(cell) < 1


def test_the_command_knows_the_formats():
    from pipeline.commands import export

    assert sorted(export.FORMATS) == sorted(FORMATS)
