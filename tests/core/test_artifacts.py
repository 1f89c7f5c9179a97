"""Artifacts are written whole or not at all, and read with a clear word when they cannot be."""

import hashlib
import json
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import artifacts
from pipeline.core.errors import UserError

TABLE = pd.DataFrame({"sample_id": ["a", "b"], "labels": [["x"], ["x", "y"]], "group": ["g", None]})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def make(path, kind, content):
    """A file, or a folder with one file."""
    if kind == "folder":
        path.mkdir()
        path = path / content
    path.write_text(content)


def found(path):
    return sorted(one.name for one in path.iterdir()) if path.is_dir() else path.read_text()


@pytest.mark.parametrize("kind", ["file", "folder"])
class TestReplacing:
    def test_makes_parents_and_leaves_nothing_else(self, tmp_path, kind):
        path = tmp_path / "new" / "deep" / "artifact"
        with artifacts.atomic_write(path) as temporary:
            make(temporary, kind, "late")
            assert not path.exists()
        assert found(path.parent) == ["artifact"]

    def test_replaces_what_was_there(self, tmp_path, kind):
        path = tmp_path / "artifact"
        make(path, kind, "early")
        with artifacts.atomic_write(path) as temporary:
            make(temporary, kind, "late")
        assert found(path) == (["late"] if kind == "folder" else "late")
        assert found(tmp_path) == ["artifact"]

    def test_an_exception_leaves_the_earlier_one_intact(self, tmp_path, kind):
        path = tmp_path / "artifact"
        make(path, kind, "early")

        def main():
            with artifacts.atomic_write(path) as temporary:
                make(temporary, kind, "late")
                raise RuntimeError("halfway")

        with pytest.raises(RuntimeError, match="halfway"):
            main()
        assert found(path) == (["early"] if kind == "folder" else "early")
        assert found(tmp_path) == ["artifact"]

    def test_clears_what_a_killed_run_left(self, tmp_path, kind):
        make(tmp_path / f".artifact.{os.getpid()}.tmp", kind, "halfway")
        with artifacts.atomic_write(tmp_path / "artifact") as temporary:
            make(temporary, kind, "late")
        assert found(tmp_path) == ["artifact"]


def test_json_keeps_order_and_writes_numpy_as_numbers(tmp_path):
    path = tmp_path / "x.json"
    artifacts.write_json(path, {"b": np.float64(0.5), "a": np.arange(2), "é": np.bool_(True)})
    assert path.read_text(encoding="utf-8") == '{\n  "b": 0.5,\n  "a": [\n    0,\n    1\n  ],\n  "é": true\n}\n'
    assert artifacts.read_json(path) == {"b": 0.5, "a": [0, 1], "é": True}


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [(float("nan"), ValueError, "not JSON compliant"), ({1, 2}, TypeError, "set cannot be written as JSON")],
)
def test_json_refuses_and_keeps_the_earlier_file(tmp_path, value, error, message):
    path = tmp_path / "x.json"
    artifacts.write_json(path, 1)
    with pytest.raises(error, match=message):
        artifacts.write_json(path, {"value": value})
    assert found(path) == "1\n"


def test_table_round_trip(tmp_path):
    path = tmp_path / "x.parquet"
    artifacts.write_table(path, TABLE)
    back = artifacts.read_table(path)
    assert back["labels"].map(list).tolist() == TABLE["labels"].tolist()
    assert back["group"].isna().tolist() == [False, True]
    assert list(artifacts.read_table(path, columns=["group"])) == ["group"]
    assert artifacts.read_metadata(path) == {}


def test_metadata_round_trip_beside_the_columns(tmp_path):
    path = tmp_path / "x.parquet"
    artifacts.write_table(path, TABLE, metadata={"split": {"seed": 0, "fractions": {"train": 0.7}}})
    assert artifacts.read_metadata(path) == {"split": {"seed": 0, "fractions": {"train": 0.7}}}
    assert artifacts.read_table(path)["sample_id"].tolist() == ["a", "b"]


def test_the_same_table_is_written_as_the_same_bytes(tmp_path):
    for name in ("x", "y"):
        artifacts.write_table(tmp_path / name, TABLE, metadata={"seed": 0})
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


@pytest.mark.parametrize("read", [artifacts.read_json, artifacts.read_table])
def test_reading_what_is_not_there(tmp_path, read):
    with pytest.raises(UserError, match=r"gone does not exist; run dvc repro, which makes it"):
        read(tmp_path / "gone")


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (artifacts.read_json, r"broken: not valid JSON \(.*\); remove it and run dvc repro"),
        (artifacts.read_table, r"broken: not a readable Parquet file \(.*\); remove it and run dvc repro"),
    ],
)
@pytest.mark.parametrize("content", [b"", b"PAR1 {", b"\xff\xfe"], ids=["empty", "cut", "binary"])
def test_reading_what_is_corrupt(tmp_path, read, message, content):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read(path)


@given(st.dictionaries(st.text(), VALUES, max_size=5), st.randoms(use_true_random=False))
def test_canonical_ignores_the_order_of_keys(value, random):
    keys = list(value)
    random.shuffle(keys)
    assert artifacts.canonical_json({key: value[key] for key in keys}) == artifacts.canonical_json(value)
    assert json.loads(artifacts.canonical_json(value)) == value


def test_digest_by_hand():
    expected = hashlib.sha256(b"\x02" + 7 * b"\0" + b"ab" + 8 * b"\0").hexdigest()[:32]
    assert artifacts.content_digest(b"ab", b"") == expected


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_digest_tells_parts_apart(left, right):
    assert (artifacts.content_digest(*left) == artifacts.content_digest(*right)) == (left == right)
