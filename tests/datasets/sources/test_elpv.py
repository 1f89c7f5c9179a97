"""ELPV's table becomes labels, groups and attributes; a small stand-in takes the package's place."""

import pytest
from file_options import from_file

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.sources import elpv
from pipeline.datasets.sources.elpv import Elpv

TABLE = """images/cell0001.png  1.0                 mono
images/cell0002.png  0.0                 mono
images/cell0003.png  0.3333333333333333  mono
images/cell0004.png  0.6666666666666666  poly
images/cell0005.png  0.0                 mono
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "data" / "labels.csv").write_text(TABLE)
    (tmp_path / "data" / "images" / "cell0001.png").write_bytes(b"png")
    monkeypatch.setattr(elpv, "package_folder", lambda package, extra: tmp_path)
    return tmp_path


def source(**changes):
    return from_file(
        Elpv, **{"name": "elpv", "labels": "defect", "block_size": 2, "watch": "requirements.lock", **changes}
    )


def test_defects_attributes_and_blocks_within_runs_of_one_type(package):
    table = source().read()
    assert table["path"].tolist()[0] == "images/cell0001.png"
    assert [one for (one,) in table["labels"]] == ["defective", "functional", "functional", "defective", "functional"]
    runs = [(1, 0), (1, 0), (1, 1), (2, 0), (3, 0)]
    assert table["group"].tolist() == [f"run{run:02d}_block{block:02d}" for run, block in runs]
    assert table["attr_cell_type"].tolist() == ["mono", "mono", "mono", "poly", "mono"]
    assert table["attr_of_label_probability"].tolist() == [1, 0, 0.3333, 0.6667, 0]


def test_grades(package):
    labels = [one for (one,) in source(labels="grade").read()["labels"]]
    assert labels == ["defective", "functional", "possibly_defective", "probably_defective", "functional"]


def test_open_reads_inside_the_package(package):
    assert source().open("images/cell0001.png") == b"png"
    with pytest.raises(ItemRejected, match="missing"):
        source().open("images/cell0002.png")


def test_an_empty_table(package):
    (package / "data" / "labels.csv").write_text("")
    with pytest.raises(UserError, match=r"labels\.csv names no picture; install the package again"):
        source().read()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": "type"}, r"labels must be 'defect' or 'grade', got 'type'"),
        ({"block_size": 0}, r"block_size must be at least 1, got 0"),
    ],
)
def test_refused_choices(changes, message):
    with pytest.raises(ValueError, match=message):
        source(**changes)


def test_no_page_links_to_where_the_package_is_installed(package):
    assert source().file_of("images/cell0001.png") is None
