"""Files of annotations for the parts of a split, in any format, each with its own folder of pictures."""

from pathlib import Path

import pytest
import yaml
from conf_options import CONF
from source_examples import FORMATS

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.datasets.discovery.file_listing import list_files

ANNOTATED = ("coco", "cvat", "darwin", "label_studio", "table")


@pytest.mark.parametrize("option", ANNOTATED)
def test_a_file_for_each_part_of_a_split_is_one_data_set(tmp_path, option):
    parts = {}
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        parts[split] = FORMATS[option](tmp_path / split)
    node = yaml.safe_load((CONF / "source" / f"{option}.yaml").read_text())
    told = {key: {split: parts[split][key] for split in parts} for key in ("path", "pictures")}
    source = config.build({**node, **told, "watch": str(tmp_path)}, "source")
    rows = source.read()
    found = {split: rows[rows["given_split"] == split] for split in parts}
    assert [len(found[split]) for split in parts] == [9, 9]
    assert rows["path"].is_unique
    for split, part in parts.items():
        alone = config.build({**node, **part, "watch": str(tmp_path)}, "source").read()
        assert found[split]["labels"].tolist() == alone["labels"].tolist()
        first = found[split]["path"].iloc[0]
        assert first.startswith(f"{split}/")
        assert source.open(first) == (Path(part["pictures"]) / alone["path"][0]).read_bytes()
        assert source.stat(first) is not None
    if option != "darwin":  # which has a file for each picture
        (match,) = type(source).recognise(list_files(tmp_path), {})
        assert {key: match.choices[key] for key in told} == told


@pytest.mark.parametrize("option", ANNOTATED)
def test_choices_that_do_not_fit(tmp_path, option):
    node = yaml.safe_load((CONF / "source" / f"{option}.yaml").read_text()) | {"watch": "x"}

    def build(path, pictures, **choices):
        return config.build({**node, "path": path, "pictures": pictures, **choices}, "source")

    for path, pictures, message in (
        ({"training": "a"}, "p", r"path must name its files by train, val, test, got \['training'\]"),
        ({}, "p", r"path must name its files by train, val, test, got \[\]"),
        ({"train": "a"}, {"test": "p"}, r"pictures must name a folder for each file of path, got \['test'\]"),
        ("a", {"train": "p"}, r"pictures must name a folder for each file of path, got \['train'\]"),
        ({"train": "a", "test": "b"}, {"train": "p", "test": "p/q"}, r"'p/q' is inside 'p'; name one folder for"),
    ):
        with pytest.raises(UserError, match=message):
            build(path, pictures)
    with pytest.raises(UserError, match=r"source\.empty must be .*negative"):
        build("a", "p", empty="no")
    files = FORMATS[option](tmp_path)
    with pytest.raises(
        UserError, match=r"source\.pictures '.*gone' is not a folder; expected the folder that .* is relat"
    ):
        build(files["path"], str(tmp_path / "gone")).read()
