"""What the manifest's columns are called and hold is said once."""

import ast
import re
from pathlib import Path

import pandas as pd
import pytest

from pipeline.core import manifest_schema
from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import (
    SPLITS,
    attribute_columns,
    check_manifest,
    is_property_or_attribute,
    property_column,
    property_columns,
    short_name,
)

PIPELINE = Path(manifest_schema.__file__).parents[1]
OTHERS = [path for path in sorted(PIPELINE.rglob("*.py")) if path != Path(manifest_schema.__file__)]
COLUMNS = ["sample_id", "prop_width", "attr_site", "format", "attr_of_label_sure", "attr_exif_time", "prop_noise"]


def docstrings(tree):
    """The ids of the constants that are documentation."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body[0] for node in ast.walk(tree) if isinstance(node, owners) and node.body]
    return {id(one.value) for one in bodies if isinstance(one, ast.Expr)}


def spelled(text):
    """The prefixes and the list of splits that a module spells itself."""
    tree = ast.parse(text)
    known = docstrings(tree)
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    found = [one.value for one in texts if id(one) not in known and re.search(r"(^|\W)(prop|attr)_", one.value)]
    for node in ast.walk(tree):
        members = getattr(node, "elts", [])  # of a tuple, list or set
        names = [one.value for one in members if isinstance(one, ast.Constant)]
        if len(names) == len(members) and sorted(map(str, names)) == sorted(SPLITS):
            found.append(ast.unparse(node))
    return found


def test_no_other_module_spells_a_prefix_or_the_list_of_splits():
    found = {str(path.relative_to(PIPELINE)): spelled(path.read_text(encoding="utf-8")) for path in OTHERS}
    assert {name: texts for name, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"""Of `prop_*`."""\nx = table["prop_width"]', ["prop_width"]),
        ('x = f"attr_{name}"', ["attr_"]),
        ('x = "by prop_width or attr_site"', ["by prop_width or attr_site"]),
        ('x = ["test", "train", "val"]', ["['test', 'train', 'val']"]),
        ('x = {"train", "val", "test"}', ["{'train', 'val', 'test'}"]),
        ('def f():\n    """Takes attr_site."""\n    return getattr(x, "attribute"), "train"', []),
    ],
)
def test_what_spells_one_is_found(text, expected):
    assert spelled(text) == expected


def test_columns_by_their_prefix():
    assert property_columns(COLUMNS) == ["prop_width", "prop_noise"]
    assert attribute_columns(COLUMNS) == ["attr_site", "attr_of_label_sure", "attr_exif_time"]
    assert [is_property_or_attribute(one) for one in COLUMNS] == [False, True, True, False, True, True, True]
    assert [short_name(one) for one in ("prop_width", "attr_site", "attr_prop_x", "format")] == [
        "width", "site", "prop_x", "format",
    ]  # fmt: skip
    assert property_column("width") == "prop_width"


@pytest.fixture
def manifest():
    texts = {name: ["x"] for name in ("sample_id", "path", "group", "media", "content_hash", "perceptual_hash")}
    numbers = {name: [1] for name in ("height", "width", "depth", "channels", "source_order")}
    own = {"format": [None], "labels": [["a"]], "prop_noise": [0.5], "attr_site": [True]}
    return pd.DataFrame({**texts, **numbers, **own})


def test_a_manifest_with_all_columns_and_no_other_is_taken(manifest):
    check_manifest(manifest)
    check_manifest(manifest.assign(negative=[False], given_split=["train"], grey_low=[0.0], grey_high=[None]))
    check_manifest(manifest.iloc[:0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"weather": ["fine"]},
            r"^the manifest has an unknown column 'weather'; a source may add columns that begin with",
        ),
        ({"height": [1.5]}, r"^the manifest's column 'height' must hold integers, found the type float64$"),
        ({"path": [3]}, r"^the manifest's column 'path' must hold text, found the type int64$"),
        ({"labels": ["a"]}, r"^the manifest's column 'labels' must hold lists of text, found the type"),
        ({"negative": ["no"]}, r"^the manifest's column 'negative' must hold truth values, found the type"),
        ({"prop_noise": ["loud"]}, r"^the manifest's column 'prop_noise' must hold numbers, found the type"),
    ],
)
def test_a_column_of_another_name_or_type_is_refused(manifest, changes, message):
    with pytest.raises(UserError, match=message):
        check_manifest(manifest.assign(**changes))


def test_a_column_that_is_missing_is_refused(manifest):
    with pytest.raises(
        UserError, match=r"^the manifest lacks the column 'group'; check that the source's read\(\) returns it"
    ):
        check_manifest(manifest.drop(columns="group"))
