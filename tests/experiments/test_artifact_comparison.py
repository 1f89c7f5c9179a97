"""Two files of one artifact: bytes, numbers, words."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from pipeline.experiments.artifact_comparison import Difference, compare_files, compare_numbers


@pytest.fixture
def pair(tmp_path):
    """Writes both with a function of a path and a value, and compares them."""

    def compare(name, write, before, after):
        paths = [tmp_path / folder / name for folder in ("recorded", "made")]
        for path, value in zip(paths, (before, after), strict=True):
            path.parent.mkdir(exist_ok=True)
            write(path, value)
        return compare_files(*paths)

    return compare


def write_json(path, value):
    path.write_text(json.dumps(value))


def write_csv(path, value):
    pd.DataFrame(value).to_csv(path, index=False)


def write_archive(path, value):
    np.savez(path, **value)


def write_parquet(path, value):
    pd.DataFrame(value).to_parquet(path)


def write_text(path, value):
    path.write_text(value)


def save_array(path, value):
    np.save(path, np.array(value))


def save_tensors(path, value):
    save_file({name: torch.tensor(one) for name, one in value.items()}, path)


@pytest.mark.parametrize(
    ("name", "write", "before", "after", "largest"),
    [
        ("a.json", write_json, {"a": [1.0, 200.0]}, {"a": [1.5, 201.0]}, 0.5),  # 0.5 of 1, 1 of 200
        ("a.json", write_json, {"a": 200}, {"a": 201.0}, 0.005),
        ("a.json", write_json, {"a": None, "b": 1}, {"b": 1.25, "a": None}, 0.25),
        ("a.csv", write_csv, {"x": [1.0, 4.0], "y": ["a", "b"]}, {"x": [1.0, 5.0], "y": ["a", "b"]}, 0.25),
        ("a.parquet", write_parquet, {"s": [[0.1], [0.2]]}, {"s": [[0.1], [0.7]]}, 0.5),
        ("a.npy", save_array, [1.0, math.nan], [1.125, math.nan], 0.125),
        ("a.npz", write_archive, {"m": [0.0, 8.0], "n": [1.0]}, {"n": [1.0], "m": [0.0, 9.0]}, 0.125),
        (
            "a.json",
            write_json,
            {"out_of_distribution": {"reference": "a", "limit": 1.0}},
            {"out_of_distribution": {"reference": "b", "limit": 1.5}},
            0.5,
        ),  # the digest of another file
        ("a.safetensors", save_tensors, {"w": [0.0, 8.0]}, {"w": [0.0, 9.0]}, 0.125),
        ("a.html", write_text, "accuracy 80.0 %, cat2", "accuracy 84.0 %, cat2", 0.05),
        ("a.bin", write_text, "same", "same", 0.0),
    ],
)
def test_numbers_are_compared(pair, name, write, before, after, largest):
    found = pair(name, write, before, after)
    assert found.largest == pytest.approx(largest, rel=1e-6)
    assert found.note == ""
    assert found.state(largest * 1.01 + 1e-9) == "within tolerance"
    assert found.state(largest / 2) == ("differs" if largest else "within tolerance")


@pytest.mark.parametrize(
    ("name", "write", "before", "after", "note"),
    [
        ("a.json", write_json, {"a": {"b": 1}}, {"a": {"c": 1}}, "a has another key: b"),
        ("a.json", write_json, {"a": [1]}, {"a": [1, 2]}, "a has 2 entries instead of 1"),
        ("a.json", write_json, {"a": ["x"]}, {"a": ["y"]}, "a[0] is 'y' instead of 'x'"),
        ("a.json", write_json, {"a": True}, {"a": 1}, "a is 1 instead of True"),
        ("a.csv", write_csv, {"x": [1]}, {"x": [1, 2]}, "2 rows instead of 1"),
        ("a.csv", write_csv, {"x": [1]}, {"y": [1]}, "other columns"),
        ("a.csv", write_csv, {"x": ["a", "b"]}, {"x": ["a", "c"]}, "column x differs in 1 rows"),
        ("a.npy", save_array, [1.0], [[1.0]], "the array has the shape (1, 1) instead of (1,)"),
        ("a.npy", save_array, [1.0, 2.0], [1.0, math.nan], "the array is undefined in other places"),
        ("a.safetensors", save_tensors, {"w": [1.0]}, {"v": [1.0]}, "other tensors"),
        ("a.npz", write_archive, {"w": [1.0]}, {"v": [1.0]}, "other arrays"),
        ("a.npz", write_text, "PK", "PK no archive", "cannot be read ("),
        ("a.json", write_json, {"reference": "a"}, {"reference": "b"}, "reference is 'b' instead of 'a'"),
        ("a.html", write_text, "a cat", "a dog", "other words"),
        ("a.png", write_text, "1", "2", "other bytes; .png has no numbers to compare"),
        ("a.json", write_text, "{}", "{", "cannot be read (Expecting property name enclosed in double quotes"),
    ],
)
def test_anything_else_differs_whatever_the_tolerance(pair, name, write, before, after, note):
    found = pair(name, write, before, after)
    assert found.note.startswith(note)
    assert found.state(1.0) == "differs"


def test_infinite_numbers_have_their_sign():
    assert compare_numbers(np.array([np.inf, 1.0]), np.array([np.inf, 1.0]), "x") == Difference(largest=0.0)
    assert math.isinf(compare_numbers(np.array([np.inf]), np.array([-np.inf]), "x").largest)
